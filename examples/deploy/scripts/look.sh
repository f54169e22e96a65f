#!/usr/bin/env bash
# Looks at the site as its readers see it.
set -euo pipefail

page="${RELEASE_FOLDER:-$HOME/released}/index.html"
if ! grep -q "<h1>.*</h1>" "$page"; then
  echo "AssertionError: the first page of version $(cat "$(dirname "$page")/version.txt") has no heading"
  exit 1
fi
echo "the first page has its heading"
