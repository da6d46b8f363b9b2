#!/bin/sh
# Prints .env.example with a fresh secret for each name without a value: sh deploy/secrets.sh > .env
# Letters first: the NATS server reads what looks like a number as one.
set -eu
umask 077
cd "$(dirname "$0")/.."
while IFS= read -r line; do
    case "$line" in
        '#'* | '') printf '%s\n' "$line" ;;
        *=*) printf '%s\n' "$line" ;;
        *) printf '%s=s%s\n' "$line" "$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')" ;;
    esac
done < .env.example
