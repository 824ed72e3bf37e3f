#!/usr/bin/env bash
# tools/build_web.sh [OUT]: builds the portals (web/) into OUT, by default build/web; does nothing when what is there
# was made of the same sources. Needs node and npm; packages come from npm's registry, as web/package-lock.json has them.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=$(realpath -m "${1:-build/web}")

sources() {
  find web api/openapi.yaml tools/build_web.sh -type f -not -path '*/node_modules/*' -not -name '*.gen.ts' -not -path 'web/tests/*' -print0
}
stamp=$(sources | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-40)
[ "$(cat "$out/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

command -v npm >/dev/null || { echo "build_web: npm is missing: apt-get install nodejs npm" >&2; exit 1; }
packages=$(sha256sum web/package-lock.json web/package.json | sha256sum | cut -c1-40)
if [ "$(cat web/node_modules/.stamp 2>/dev/null)" != "$packages" ]; then
  (cd web && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error) >&2 || {
    echo "build_web: npm could not fetch the portals' packages; is $(npm config get registry 2>/dev/null) reachable?" >&2
    exit 1
  }
  echo "$packages" > web/node_modules/.stamp
fi
# Built beside and moved, so that a control that starts meanwhile finds a whole build.
rm -rf "$out.new"
(cd web && YZ_WEB_OUT="$out.new" npm run --silent build -- --logLevel warn) >&2
echo "$stamp" > "$out.new/.stamp"
rm -rf "$out"
mv "$out.new" "$out"
