#!/usr/bin/env bash
# Stands for the hours of a real build: writes what the later steps work on.
set -euo pipefail

mkdir -p build/parts build/empty
while read -r harbour; do
  echo "$harbour lies at a depth of $(( ${#harbour} * 3 )) feet" > "build/parts/$harbour.txt"
done < src/harbours.txt
ln -s "parts/Port Ellen.txt" build/home
echo "prepared $(find build -type f | wc -l) parts in attempt $GITHUB_RUN_ATTEMPT"
