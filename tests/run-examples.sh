#!/bin/bash
# run-examples.sh PAGE…: does what the EXAMPLES of each manual page show, as a reader would: every line that begins with "$ " as
# mandoc renders it, with the lines it continues on, in one shell for the page, in an empty directory of its own. Each must
# succeed. The programs are those in PATH. Prints "PAGE: N examples"; fails at the first page that does not work.
set -u
seconds=20

# examples PAGE: one runnable command a line.
examples() {
	mandoc -T ascii -O width=800 "$1" | sed "s/.$(printf '\b')//g" | awk '
		/^[A-Z]/ { on = ($0 == "EXAMPLES") }
		!on { next }
		more { sub(/^ +/, "") ; line = line " " $0 }
		!more && /^ +\$ / { sub(/^ +\$ /, ""); line = $0; more = 1 }
		more { more = 0
			if (sub(/ *\\$/, "", line) || line ~ /\|$/) more = 1
			else print line }'
}

# script PAGE: the examples, each told before it is run, so that a failure can be named.
script() {
	# shellcheck disable=SC2016 # expanded when the script runs
	echo 'set -o pipefail; trap "kill \$(jobs -p) 2>/dev/null; wait" EXIT'
	examples "$1" | while IFS= read -r line; do
		printf 'echo %q >last\n{\n%s\n} || exit\n' "$line" "$line"
	done
}

for page in "$@"; do
	count=$(examples "$page" | wc -l)
	[ "$count" -gt 0 ] || { echo "$page: no example that can be run" >&2; exit 1; }
	dir=$(mktemp -d "${TMPDIR:-/tmp}/evse-examples.XXXXXX") || exit 71
	script "$page" >"$dir/script"
	mkdir "$dir/here"
	if ! (cd "$dir/here" && TMPDIR=$dir HOME=$dir EVSE_RUN=$dir/here/run EVSE_STATE=$dir/here/state \
		timeout -k 5 $seconds bash ../script </dev/null >../out 2>../err); then
		{ echo "$page: fails:"; cat "$dir/here/last"; tail -n 20 "$dir/out" "$dir/err"; } >&2
		rm -rf "$dir"
		exit 1
	fi
	rm -rf "$dir"
	echo "$page: $count examples"
done
