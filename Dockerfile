# agenticore with all that a job takes: git, the pinned Claude Code, agentihooks. What is built stays in its own stage; what
# changes often comes last. docker, podman and buildah build it:  docker build -t agenticore .

# ---- npm packages, the pinned Claude Code among them ------------------------------------------------------------------
FROM node:24-bookworm-slim AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`: it insists on the optional packages of every platform. No package here needs its install script.
RUN --mount=type=cache,target=/root/.npm \
    npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
RUN install -D -m 755 node_modules/@anthropic-ai/claude-code-linux-*/claude /out/claude

# ---- agenticore, bundled -----------------------------------------------------------------------------------------------
FROM packages AS bundle
COPY bin bin
COPY profiles profiles
COPY scripts scripts
COPY src src
RUN node scripts/build.ts \
 && mkdir -p /out/app \
 && cp -r bin dist profiles package.json /out/app/ \
 && chmod -R u=rwX,go=rX /out/app

# ---- agentihooks and what it needs, in a virtual environment --------------------------------------------------------------
FROM debian:bookworm-slim AS agentihooks
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY scripts/image/agentihooks.txt /tmp/
# Its setuptools and pip stay: AGENTICORE_AGENTIHOOKS_URL installs another agentihooks on top of this one. The Node that
# playwright brings for itself, 120 MB, is replaced by the image's.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/agentihooks \
 && /opt/agentihooks/bin/pip install --disable-pip-version-check --require-hashes -r /tmp/agentihooks.txt \
 && ln -sf /usr/local/bin/node "$(echo /opt/agentihooks/lib/python3.*/site-packages/playwright/driver/node)"

# ---- what runs ---------------------------------------------------------------------------------------------------------
FROM debian:bookworm-slim
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
COPY --from=packages /out/claude /usr/local/bin/claude
COPY --chmod=755 scripts/image/entrypoint /usr/local/bin/agenticore
COPY --from=bundle /out/app /app

ENV HOME=/home/agenticore \
    CLAUDE_CODE_HOME_DIR=/home/agenticore \
    LANG=C.UTF-8 \
    AGENTICORE_HOST=0.0.0.0 \
    AGENTICORE_WORKTREE_ROOT=/app/worktrees \
    AGENTICORE_CONTROL_SOCKET=/run/agenticore/control.sock
WORKDIR /app
EXPOSE 8200
# 200 when it is ready to take jobs, 503 while it starts and while it drains.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.AGENTICORE_PORT || 8200}/ready`).then(({ok}) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "agenticore"]
CMD ["serve"]

ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="agenticore" \
      org.opencontainers.image.description="Hand a task to a fleet of Claude Code agents on your own machines, get back a pull request" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
