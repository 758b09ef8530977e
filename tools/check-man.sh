#!/bin/sh
# check-man.sh BUILD: every program has a page; every option of its table stands in the page, and the other way round;
# every page is clean under mandoc's lint and, where it is there, groff.
set -u
build=$1 bad=0 pages=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for page in man/*.[1-9]; do
	[ -e "$page" ] || continue
	pages=$((pages + 1))
	mandoc -T lint -W warning "$page" || bad=$((bad + 1))
	# Debian's man(1) uses groff: its tables must fit a terminal too.
	command -v groff >/dev/null || continue
	groff -t -mdoc -T utf8 -P -c "$page" 2>&1 >/dev/null | sed "s|^|check-man: $page: |" >"$tmp/groff"
	[ ! -s "$tmp/groff" ] || { cat "$tmp/groff"; bad=$((bad + 1)); }
done
for program in "$build"/bin/evse-*; do
	tool=$(basename "$program")
	page=$(ls man/"$tool".[18] 2>/dev/null)
	if [ -z "$page" ]; then
		echo "check-man: $tool has no page man/$tool.1"
		bad=$((bad + 1))
		continue
	fi
	"$program" --option-table 2>/dev/null | grep -v '^@' | cut -f 2 | sort -u >"$tmp/table"
	sed -n 's/^\.It Fl \(. , \)\{0,1\}-\([a-z0-9][a-z0-9-]*\).*/\2/p' "$page" | sort -u >"$tmp/page"
	if ! diff "$tmp/table" "$tmp/page" >"$tmp/diff"; then
		echo "check-man: $page and $tool --option-table differ (< table, > page):"
		cat "$tmp/diff"
		bad=$((bad + 1))
	fi
done
echo "check-man: $pages pages, $bad wrong"
[ "$bad" -eq 0 ]
