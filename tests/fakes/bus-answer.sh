#!/bin/sh
# A tool that accepts the first command on its input and then reads to the end.
read -r line
while ! printf '%s' "$line" | grep -q '"kind"'; do read -r line || exit 0; done
id=$(printf '%s' "$line" | sed 's/.*"id":"\([^"]*\)".*/\1/')
printf '{"t":"2026-11-22T10:00:00Z","type":"reply","src":"sim","n":"s.1","to":"operator","id":"%s","status":"accepted"}\n' "$id"
exec cat >/dev/null
