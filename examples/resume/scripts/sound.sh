#!/usr/bin/env bash
# Each leg of the matrix sounds its own sea.
set -euo pipefail

mkdir -p soundings
echo "the $SEA sea, sounded in attempt $GITHUB_RUN_ATTEMPT" > soundings/log.txt
cat soundings/log.txt
