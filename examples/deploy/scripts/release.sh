#!/usr/bin/env bash
# Puts the site where it is served from. A real one copies it to a server; here that is a folder.
set -euo pipefail

folder="${RELEASE_FOLDER:-$HOME/released}"
rm -rf "$folder.new"
cp -r site "$folder.new"
rm -rf "$folder"
mv "$folder.new" "$folder"
echo "released version $(cat "$folder/version.txt")"
