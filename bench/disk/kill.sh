#!/bin/sh
# How fast a full disk cache is back after kill -9, and whether every byte is right: the same play as in ctest
# (src/edge/disk_kill_test.cpp), at any size. Needs that much room and a few minutes.
#
#   bench/disk/kill.sh [SIZE] [FOLDER]      20GiB in a temporary folder; BUILD names the build folder
set -eu
size=${1:-20GiB}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build/release}
if [ $# -ge 2 ]; then
  folder=$2
  mkdir -p "$folder"
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
YZ_DISK_KILL_SIZE=$size YZ_DISK_KILL_FOLDER=$folder YZ_DISK_KILL_LARGEST=${LARGEST:-256KiB} \
  "$build/bin/edge_test" --gtest_filter='EdgeKilled.*' --gtest_brief=1
