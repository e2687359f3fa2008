# Sourced by the scripts that test against Redis, from the root of the checkout: puts a redis-server in PATH. One that the
# machine has is taken; elsewhere Debian's comes into .tools, once: nothing is installed, no service is started, and no
# rights are needed.

_redis_bring() {
  command -v apt-get >/dev/null || {
    echo "redis-server is missing: the tests start one of their own. Install Redis 6.2 or newer (apt-get install redis-server)." >&2
    return 1
  }
  echo "Bringing redis-server into .tools …" >&2
  _apt="$PWD/.tools/apt"
  mkdir -p "$_apt/lists/partial" "$_apt/archives/partial"
  # Its binary is in redis-tools, under the name of redis-check-rdb; the rest are the libraries that a bare Debian lacks.
  (
    cd "$_apt" &&
      _get() { apt-get -qq -o Dir::State::lists="$_apt/lists" -o Dir::Cache="$_apt" -o APT::Sandbox::User= "$@"; } &&
      _get update && _get download redis-tools libjemalloc2 liblzf1 libatomic1 libssl3 libsystemd0 liblz4-1 libcap2 \
        libgcrypt20 libgpg-error0 &&
      for _deb in *.deb; do dpkg-deb -x "$_deb" tree || exit 1; done
  ) >&2 || return 1
  _libraries=$(find "$_apt/tree" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  mkdir -p .tools/redis
  printf '#!/bin/bash\nLD_LIBRARY_PATH=%q exec -a redis-server %q "$@"\n' \
    "$_libraries" "$_apt/tree/usr/bin/redis-check-rdb" >.tools/redis/redis-server.new
  chmod +x .tools/redis/redis-server.new
  mv .tools/redis/redis-server.new .tools/redis/redis-server
  rm -rf "$_apt/lists" "$_apt/archives" "$_apt"/*.deb "$_apt"/*.bin
}

if ! command -v redis-server >/dev/null; then
  mkdir -p .tools
  exec 9>.tools/.lock
  if command -v flock >/dev/null; then flock 9; fi
  [ -x .tools/redis/redis-server ] || _redis_bring || exit 1
  exec 9>&-
  PATH="$PWD/.tools/redis:$PATH"
  export PATH
fi
