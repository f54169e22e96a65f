#!/usr/bin/env bash
# Fetches the phrase book from a server that has a bad hour when the rehearsal asks for a network failure.
set -euo pipefail

options=()
case "${REHEARSAL_SCENARIO:-}:${GITHUB_RUN_ATTEMPT:-1}" in
  network:1 | mixed:1 | still-failing:*) options=(--bad-hour) ;;
esac

port_file=$(mktemp)
python3 scripts/phrase-server.py --port-file "$port_file" "${options[@]}" &
until [ -s "$port_file" ]; do sleep 0.05; done
curl --fail --silent --show-error --output phrases.txt "http://127.0.0.1:$(cat "$port_file")/phrase-book.txt"
wait
