#!/usr/bin/env bats
# --help of each program and of each of its commands: fits 80 columns, and is plain ASCII, for a serial console.

setup() {
	bin=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/${B:-build}/bin
}

plain() {
	"$bin/$1" "${@:2}" --help </dev/null >"$BATS_TEST_TMPDIR/help"
	grep -q '^Usage: ' "$BATS_TEST_TMPDIR/help"
	if LC_ALL=C grep -n '[^ -~]' "$BATS_TEST_TMPDIR/help" || grep -nE '.{81}' "$BATS_TEST_TMPDIR/help"; then
		echo "in $* --help"
		return 1
	fi
}

@test "--help of every program fits 80 columns and needs no UTF-8" {
	for program in "$bin"/evse-*; do
		plain "$(basename "$program")"
	done
}

@test "--help of every command too, and names the command" {
	for tool in evse-bus evse-log; do
		for command in $("$bin/$tool" --option-table | sed -n 's/^@\t\([^\t]*\).*/\1/p'); do
			plain "$tool" "$command"
			[ "$command" = ship ] || grep -q "^Usage: $tool $command" "$BATS_TEST_TMPDIR/help"
		done
	done
	for command in models probe; do
		plain evse-meter "$command"
	done
	for command in probe test scope; do
		plain evse-pilot "$command"
	done
}
