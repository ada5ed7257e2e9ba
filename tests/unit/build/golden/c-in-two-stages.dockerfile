FROM debian:bookworm AS build
RUN <<EOF
set -e
apt-get update
apt-get install -y gcc
EOF
COPY <<'EOF' /src/main.c
int main(void) { return 0; }
EOF
RUN ["gcc", "-static", "-o", "/main", "/src/main.c"]

FROM scratch
COPY --from=build /main /main
ENTRYPOINT ["/main"]
