#!/bin/sh
# check.sh BUILD: the committed completions are what the option tables give, and bash can read its own.
set -u
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp "$here"/generate.sh "$here"/gen.awk "$tmp"
sh "$tmp/generate.sh" "$1" || exit 1
bad=0
for shell in bash zsh fish; do
	diff -r "$here/$shell" "$tmp/$shell" >"$tmp/diff" || { echo "check-completions: $shell is not fresh; run 'make completions'"; head -n 10 "$tmp/diff"; bad=1; }
done
for f in "$here"/bash/*; do
	bash -n "$f" || bad=1
done
for program in "$1"/bin/evse-*; do
	[ -e "$here/bash/$(basename "$program")" ] || { echo "check-completions: none for $(basename "$program")"; bad=1; }
done
[ "$bad" -eq 0 ] && echo "check-completions: fresh"
[ "$bad" -eq 0 ]
