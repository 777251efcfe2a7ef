# Kingbus with its etcd:
#
#   docker build -t kingbus .
#   docker run --rm kingbus start --help
#
# The data are in the volume /var/lib/kingbus. Settings are variables, KINGBUS_SOURCE_URL for source.url; passwords
# are files of the user node (1000) that nobody else can read. docker-compose.yml runs three of it.

FROM node:24-trixie-slim AS build
WORKDIR /opt/kingbus
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

# Debian's package; the first suite with 3.5.30 is forky. Kingbus knows 3.5, so another series ends the build here.
FROM debian:forky-slim AS etcd
WORKDIR /etcd
ARG ETCD_VERSION=3.5.*
RUN apt-get update \
  && apt-get download "etcd-server=${ETCD_VERSION}" \
  && dpkg-deb -x etcd-server_*.deb . \
  && usr/bin/etcd --version

FROM node:24-trixie-slim
ENV NODE_ENV=production \
  KINGBUS_DATA_DIR=/var/lib/kingbus \
  KINGBUS_SERVE_LISTEN=0.0.0.0:3390
# A named volume takes over the owner and the mode of this folder.
RUN install -d -o node -g node -m 0700 /var/lib/kingbus \
  && ln -s /opt/kingbus/bin/kingbus /usr/local/bin/kingbus
COPY --from=etcd /etcd/usr/bin/etcd /usr/local/bin/etcd
WORKDIR /opt/kingbus
COPY --from=build /opt/kingbus/node_modules node_modules
COPY --from=build /opt/kingbus/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
USER node
VOLUME /var/lib/kingbus
# Replicas; the other nodes, their etcd, and the nodes to this etcd where cluster.peer-url has port 9600.
EXPOSE 3390 9600 9601 9602
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9595/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["kingbus"]
CMD ["start"]
