#!/bin/sh
# generate.sh BUILD: writes bash/, zsh/ and fish/ anew from each program's hidden --option-table.
set -eu
build=$1
here=$(dirname "$0")
mkdir -p "$here/bash" "$here/zsh" "$here/fish"
for program in "$build"/bin/evse-*; do
	tool=$(basename "$program")
	"$program" --option-table >"$here/.table" || { echo "generate.sh: $tool has no --option-table" >&2; exit 1; }
	for shell in bash zsh fish; do
		case $shell in
		bash) out=$here/bash/$tool ;;
		zsh) out=$here/zsh/_$tool ;;
		fish) out=$here/fish/$tool.fish ;;
		esac
		awk -F '\t' -v tool="$tool" -v shell="$shell" -f "$here/gen.awk" "$here/.table" >"$out"
	done
done
rm -f "$here/.table"
