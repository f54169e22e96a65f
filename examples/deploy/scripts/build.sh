#!/usr/bin/env bash
# Builds the site: the pages, and which version they are.
set -euo pipefail

rm -rf site
cp -r pages site
cp version.txt site/version.txt
