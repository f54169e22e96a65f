#!/usr/bin/env bash
# Asks the pilots about the sea of this leg, and about no other.
set -euo pipefail

./scripts/ask.sh soundings/log.txt answer.txt
grep "^the $SEA sea" answer.txt
[ -z "${STATE:-}" ] || [ "$STATE" = "{}" ] || grep --quiet "\"$SEA\"" <<< "$STATE"
echo "compared in attempt $GITHUB_RUN_ATTEMPT with the state ${STATE:-none}"
