# syntax=docker/dockerfile:1
# Three images from one build: `--target crm-api`, `--target bot`, `--target sandbox`.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The image's own toolchain: rust-toolchain.toml would fetch clippy and rustfmt, which nothing here uses.
ENV RUSTUP_TOOLCHAIN=1.95.0
COPY . .
# The caches live outside the layers, so a second build compiles only what changed; the programs are
# copied out because a cache mount is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bins -p crm-api -p bot -p sandbox \
    && mkdir /programs \
    && cp target/release/crm-api target/release/bot target/release/sandbox /programs/

FROM debian:bookworm-slim AS runtime
# ca-certificates: the outside world speaks TLS; curl: the health checks.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/voronka --create-home voronka \
    && install -d -o voronka -g voronka -m 0700 /var/lib/voronka/data
USER voronka
# DATABASE_URL and STORAGE_URL are relative to this folder by default.
WORKDIR /var/lib/voronka
ENV LOG_FORMAT=json
# As `make run` sets them: what was freed goes back to the system.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=32768 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_TOP_PAD_=16384
STOPSIGNAL SIGTERM

FROM runtime AS sandbox
COPY --from=build /programs/sandbox /usr/local/bin/sandbox
ENV SANDBOX_ADDR=0.0.0.0:8090
EXPOSE 8090
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=10 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8090/sandbox/clock"]
ENTRYPOINT ["sandbox"]

FROM runtime AS bot
COPY --from=build /programs/bot /usr/local/bin/bot
ENV BOT_ADDR=0.0.0.0:8081
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=6 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8081/readyz"]
ENTRYPOINT ["bot"]

# The last stage is what a build without --target gives.
FROM runtime AS crm-api
COPY --from=build /programs/crm-api /usr/local/bin/crm-api
ENV HTTP_ADDR=0.0.0.0:8080
EXPOSE 8080
VOLUME /var/lib/voronka/data
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=6 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["crm-api"]
CMD ["serve"]
