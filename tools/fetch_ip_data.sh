#!/bin/sh
# Fetches the public address databases from npm into OUT_DIR and compiles OUT_DIR/geo.yzg from them.
# Usage: tools/fetch_ip_data.sh OUT_DIR [YZ_GEO_BUILD]
# YZ_GEO_BUILD is the program that compiles; build/release/bin/yz-geo-build of this checkout by default.
# Licences and attribution: docs/operate/ip-data.md. Nothing fetched here is ever committed.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 OUT_DIR [YZ_GEO_BUILD]" >&2
  exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
out=$1
build=${2:-$root/build/release/bin/yz-geo-build}

if ! command -v npm >/dev/null 2>&1; then
  echo "fetch_ip_data: npm is missing; install it with: apt-get install npm" >&2
  exit 1
fi
if [ ! -x "$build" ]; then
  echo "fetch_ip_data: $build is missing; build it with: ./dev build" >&2
  exit 1
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
# No scripts of the packages run: only their data files are wanted.
npm install --prefix "$out" --ignore-scripts --no-audit --no-fund --no-save --no-package-lock --loglevel=error \
  ip2region@2.3.0 \
  @ip-location-db/geo-whois-asn-country-mmdb@2.3.2026061719 \
  @ip-location-db/asn@2.3.2026061719 >/dev/null

data=$out/node_modules
exec "$build" --out "$out/geo.yzg" \
  --country-mmdb "$data/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb" \
  --asn-csv "$data/@ip-location-db/asn/asn-ipv4.csv" \
  --asn-csv "$data/@ip-location-db/asn/asn-ipv6.csv" \
  --ip2region "$data/ip2region/data/ip2region.db" \
  --ipv6wry "$data/ip2region/data/ipv6wry.db"
