#!/usr/bin/env bash
# Sends a file round by a server, which has a bad hour when the rehearsal asks for a network failure.
set -euo pipefail

options=()
case "${REHEARSAL_SCENARIO:-}:${GITHUB_RUN_ATTEMPT:-1}" in
  network:1 | still-failing:*) options=(--bad-hour) ;;
esac

port_file=$(mktemp)
python3 scripts/server.py --port-file "$port_file" "${options[@]}" "$1" &
until [ -s "$port_file" ]; do sleep 0.05; done
curl --fail --silent --show-error --output "$2" "http://127.0.0.1:$(cat "$port_file")/"
wait
