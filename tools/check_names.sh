#!/usr/bin/env bash
# tools/check_names.sh BUILD_DIR [JOBS]: clang-tidy with the naming rules of .clang-tidy over every source.
# A file that passed is not checked again until it, a header of ours or the rules change.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
jobs=${2:-2}
stamps="$build/names"
mkdir -p "$stamps"
headers=$(cat .clang-tidy $(git ls-files 'src/*.h') | sha256sum | cut -c1-16)

pending=()
while read -r file; do
  stamp="$stamps/$(printf '%s %s %s' "$headers" "$file" "$(sha256sum < "$file")" | sha256sum | cut -c1-32)"
  [ -f "$stamp" ] || pending+=("$file" "$stamp")
done < <(git ls-files 'src/*.cpp' | grep -v '_fuzz\.cpp$\|_bench\.cpp$')

check_one() {
  clang-tidy-19 --quiet -p "$BUILD" "$1" 2>/dev/null >"$2.out" || { cat "$2.out"; rm -f "$2.out"; return 1; }
  rm -f "$2.out"; : > "$2"
}
export -f check_one
export BUILD="$build"
if [ ${#pending[@]} -gt 0 ]; then
  printf '%s\n' "${pending[@]}" | xargs -P "$jobs" -n 2 bash -c 'check_one "$0" "$1"'
fi
echo "names: ok ($((${#pending[@]} / 2)) files looked at)"
