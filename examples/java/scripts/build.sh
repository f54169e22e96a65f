#!/usr/bin/env bash
# Compiles with the JDK that GitHub's runners bring along. A machine without one packs the sources only, and says so.
set -euo pipefail

mkdir -p classes
cp src/*.java classes/
if command -v javac >/dev/null; then
  javac -d classes src/*.java
else
  echo "::warning::javac is not on this machine: nothing is compiled, only the sources go on"
fi
