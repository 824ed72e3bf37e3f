#!/usr/bin/env bash
# Fails when a C++ file is not formatted as .clang-format says; `tools/check_format.sh --fix` formats them all.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard 'src/*.h' 'src/*.cpp' 'bench/*.h' 'bench/*.cpp')
if [ "${1:-}" = --fix ]; then
  clang-format-19 -i "${files[@]}"
else
  clang-format-19 --dry-run --Werror "${files[@]}" && echo "format: ${#files[@]} files ok"
fi
