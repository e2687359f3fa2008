# agenticore with all that a job takes: git, the pinned Claude Code, agentihooks. What is built stays in its own stage; what
# changes often comes last. docker, podman and buildah build it:  docker build -t agenticore .

# Tags, and so what their owners make of them. For an image that is built the same again, name digests:
#   docker build --build-arg NODE_IMAGE=node@sha256:… --build-arg DEBIAN_IMAGE=debian@sha256:… -t agenticore .
ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim

# ---- npm packages, the pinned Claude Code among them ------------------------------------------------------------------
FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY scripts/image/check-lock.ts scripts/image/
# Not `npm ci`: it insists on the optional packages of every platform. What that would look at besides, check-lock.ts does.
# No package here needs its install script.
RUN --mount=type=cache,target=/var/cache/npm \
    node scripts/image/check-lock.ts \
 && npm install --cache /var/cache/npm --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
RUN install -D -m 755 node_modules/@anthropic-ai/claude-code-linux-*/claude /out/claude \
 && install -D -m 644 node_modules/@anthropic-ai/claude-code/LICENSE.md /out/licenses/claude-code/LICENSE.md \
 && mkdir -p /out/licenses/node \
 && { cp /usr/local/LICENSE /out/licenses/node/LICENSE 2>/dev/null \
      || echo "https://github.com/nodejs/node/blob/$(node --version)/LICENSE" >/out/licenses/node/LICENSE; }

# ---- agenticore, bundled -----------------------------------------------------------------------------------------------
FROM packages AS bundle
COPY LICENSE ./
COPY bin bin
COPY profiles profiles
COPY scripts scripts
COPY src src
RUN node scripts/build.ts \
 && mkdir -p /out/app \
 && cp -r bin dist profiles package.json LICENSE scripts/image/healthy.ts /out/app/ \
 && mkdir -p /out/app/src/store/redis \
 && cp -r src/store/redis/scripts /out/app/src/store/redis/ \
 && chmod -R u=rwX,go=rX /out/app

# ---- agentihooks and what it needs, in a virtual environment --------------------------------------------------------------
FROM ${DEBIAN_IMAGE} AS agentihooks
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY scripts/image/agentihooks.txt /tmp/
# Its setuptools and pip stay: AGENTICORE_AGENTIHOOKS_URL installs another agentihooks on top of this one. The Node that
# playwright brings for itself, 120 MB, is replaced by the image's.
RUN --mount=type=cache,target=/var/cache/pip \
    python3 -m venv /opt/agentihooks \
 && /opt/agentihooks/bin/pip install --cache-dir /var/cache/pip --disable-pip-version-check --require-hashes -r /tmp/agentihooks.txt \
 && ln -sf /usr/local/bin/node "$(echo /opt/agentihooks/lib/python3.*/site-packages/playwright/driver/node)"

# ---- what runs ---------------------------------------------------------------------------------------------------------
FROM ${DEBIAN_IMAGE}
# The users that agents run as have names, for programs that ask who they are. No file keeps a bit that gives another user's
# rights to whoever runs it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates git git-lfs libstdc++6 openssh-client python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/log/* \
 && groupadd --gid 1000 agenticore \
 && useradd --uid 1000 --gid 1000 --create-home --home-dir /home/agenticore --shell /bin/bash --no-log-init agenticore \
 && for slot in $(seq 0 999); do \
      echo "agenticore-slot-$slot:x:$((20000 + slot)):$((20000 + slot))::/nonexistent:/usr/sbin/nologin" >>/etc/passwd; \
      echo "agenticore-slot-$slot:x:$((20000 + slot)):" >>/etc/group; \
    done \
 && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- \
 && find / -xdev -perm /6000 -exec chmod a-s {} + \
 && mkdir -p /app/worktrees /run/agenticore \
 && chown 1000:1000 /app/worktrees /run/agenticore \
 && chmod 711 /app/worktrees \
 && chmod 700 /run/agenticore /home/agenticore
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
COPY --from=agentihooks /opt/agentihooks /opt/agentihooks
RUN ln -s /opt/agentihooks/bin/agentihooks /usr/local/bin/agentihooks
# To be run, and not to be read: then the kernel lets nobody of an agent's user look into the memory of the Claude Code that
# runs as that user, where the model's key is.
COPY --from=packages --chmod=711 /out/claude /usr/local/bin/claude
COPY --from=packages /out/licenses /usr/share/licenses
COPY --chmod=755 scripts/image/entrypoint /usr/local/bin/agenticore
RUN ln -s agenticore /usr/local/bin/agenticore-healthy
COPY --from=bundle /out/app /app

ENV HOME=/home/agenticore \
    CLAUDE_CODE_HOME_DIR=/home/agenticore \
    LANG=C.UTF-8 \
    AGENTICORE_HOST=0.0.0.0 \
    AGENTICORE_WORKTREE_ROOT=/app/worktrees \
    AGENTICORE_CONTROL_SOCKET=/run/agenticore/control.sock
WORKDIR /app
EXPOSE 8200
# Well when it takes jobs or drains; not while it starts, or when it cannot read its jobs.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["agenticore-healthy"]
ENTRYPOINT ["tini", "--", "agenticore"]
CMD ["serve"]

# scripts/image/build says these. No licence among them: what is in here has many (docs/third-party.md, scripts/sbom).
ARG VERSION=
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="agenticore" \
      org.opencontainers.image.description="Hand a task to a fleet of Claude Code agents on your own machines, get back a pull request" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
