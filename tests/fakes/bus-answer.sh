#!/bin/sh
# A tool that accepts each command on its input, and reads to the end.
n=0
while read -r line; do
	case $line in *'"type":"command"'*) ;; *) continue ;; esac
	n=$((n + 1)) id=${line#*'"id":"'}
	printf '{"t":"2026-11-22T10:00:00Z","type":"reply","src":"sim","n":"s.%d","to":"operator","id":"%s","status":"accepted"}\n' "$n" "${id%%\"*}"
done
