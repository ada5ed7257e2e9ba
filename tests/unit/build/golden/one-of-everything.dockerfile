# escape=`
FROM scratch AS tools
ADD https://example.org/tool.tar.gz /tools/
ADD --keep-git-dir https://example.org/repo.git#v1:dir /repo

FROM debian@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
MAINTAINER Somebody <somebody@example.org>
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV A=`$B "C D"="e f"
ARG TARGETARCH
RUN --network=none --security=insecure --mount=from=tools,source=/tools,target=/t,rw `
    --mount=type=tmpfs,target=/tmp,size=1g --mount=type=ssh,required `
    echo $TARGETARCH
RUN <<A cat <<-"B"
1
A
	2
	B
ONBUILD COPY . /src
STOPSIGNAL SIGINT
VOLUME /data /more
EXPOSE 53/udp 8000-8002
CMD exec something
