# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=off
WORKDIR /app

FROM --platform=$BUILDPLATFORM node:20 AS assets
WORKDIR /assets
COPY package*.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY assets/ .
RUN npm run build

FROM base AS deps
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    --mount=type=secret,id=index,env=PIP_INDEX_URL \
    pip install -r requirements.txt

FROM deps AS test
COPY . .
RUN pytest

FROM deps
ARG VERSION=dev
LABEL org.opencontainers.image.version=$VERSION
COPY --link --from=assets --chown=app:app /assets/dist ./static
COPY --chown=app:app --exclude=tests . .
USER app
EXPOSE 8000
HEALTHCHECK --interval=10s CMD curl -f http://localhost:8000/ || exit 1
ENTRYPOINT ["gunicorn"]
CMD ["app:app", "-b", "0.0.0.0:8000"]
