# One image for manager, gateway and worker: they share the code, and one digest is easier to verify than three. The plugin is in it
# for the hooks and pipelines that ask what a policy change would do.

# The scripts and styles of the gateway's pages.
FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY web/ ./
RUN npm run build

# The programs, cross-compiled: Go needs no emulation for other architectures.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS go
ARG TARGETOS TARGETARCH VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=web /src/web/dist ./web/dist
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w -X main.version=$VERSION" -o /out/ ./cmd/reelkeeper ./cmd/kubectl-reelkeeper

# Debian for its ffmpeg, which gets security fixes; the worker needs it, the others only carry it.
FROM debian:bookworm-slim
ARG VERSION=dev
LABEL org.opencontainers.image.title="Reelkeeper" \
      org.opencontainers.image.description="Governs meeting recordings on Kubernetes" \
      org.opencontainers.image.source="https://github.com/reelkeeper/reelkeeper" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates ffmpeg \
 && rm -rf /var/lib/apt/lists/*
COPY --from=go /out/ /
COPY LICENSE /usr/share/doc/reelkeeper/LICENSE
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# Where the Jobs of the manager expect it.
ENTRYPOINT ["/reelkeeper"]
