# What the rooms lean on, from Debian's packages: for machines that reach no image registry. Each
# runs by the same manifests as the official image of its name, so it has no start script of its
# own and the same user numbers.
#
#   docker build --file infra/images/neighbours.Dockerfile --target postgres .
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS base
RUN { printf 'path-exclude=/usr/share/%s/*\n' doc man locale info lintian \
        && printf 'path-include=/usr/share/doc/*/copyright\n'; } >/etc/dpkg/dpkg.cfg.d/90-small
COPY infra/images/install-packages.sh /usr/local/sbin/install-packages
# Raise the date in it to take Debian's fixes: it makes new tags, and nothing cached is used.
COPY infra/images/packages-of /etc/packages-of
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="/usr/share/doc/*/copyright of each package"

FROM base AS postgres
RUN groupadd --system --gid 999 postgres \
    && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && install-packages postgresql-17
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin
USER 999:999
STOPSIGNAL SIGINT
LABEL org.opencontainers.image.title="doorbuster/postgres"

FROM base AS redis
RUN groupadd --system --gid 999 redis \
    && useradd --system --uid 999 --gid 999 --home-dir /data redis \
    && install-packages redis-server redis-sentinel
USER 999:999
LABEL org.opencontainers.image.title="doorbuster/redis"

FROM base AS haproxy
RUN install-packages haproxy
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin
USER 99:99
STOPSIGNAL SIGUSR1
LABEL org.opencontainers.image.title="doorbuster/haproxy"

# Only for the load test: the most that an ingress can pass on.
FROM base AS nginx
RUN install-packages nginx-light
ENV PATH=/usr/sbin:/usr/bin:/bin
USER 33:33
LABEL org.opencontainers.image.title="doorbuster/nginx"
