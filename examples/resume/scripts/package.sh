#!/usr/bin/env bash
# Packs what was built, if it is all there.
set -euo pipefail

[ -x build/chart ] && [ -d build/empty ] && [ "$(readlink build/home)" = "parts/Port Ellen.txt" ]
tar --create --gzip --file chart.tar.gz build
echo "packaged in attempt $GITHUB_RUN_ATTEMPT: $(./build/chart | head -n 1)"
