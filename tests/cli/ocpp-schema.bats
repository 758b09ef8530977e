#!/usr/bin/env bats
# The tables of lib/ocpp/tables against the published schemas: fresh, and of one mind with another validator. COM-5

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	load ocpp_lib
	SCHEMAS=$(ocpp_schemas)
	[ -n "$SCHEMAS" ] || skip "no OCPP schemas: set EVSE_OCPP_SCHEMAS"
	LISTING=$SCHEMAS/../../messages.csv
	GENERATE=$ROOT/tools/ocpp-tables/generate.py
}

@test "the committed tables are what the generator makes" {
	[ -e "$LISTING" ] || skip "no messages.csv beside the schemas"
	/usr/bin/python3 "$GENERATE" v201 "$SCHEMAS" "$LISTING" >"$BATS_TEST_TMPDIR/v201.c"
	diff -q "$BATS_TEST_TMPDIR/v201.c" "$ROOT/lib/ocpp/tables/v201.c"
}

@test "the generator takes the schemas of 2.1 too, and the result compiles" {
	[ -e "$LISTING" ] && [ -d "$SCHEMAS/../v21" ] || skip "no schemas of 2.1"
	/usr/bin/python3 "$GENERATE" v21 "$SCHEMAS/../v21" "$LISTING" >"$BATS_TEST_TMPDIR/v21.c"
	sed -i 's/^const struct ocpp_schema ocpp_v21 /extern const struct ocpp_schema ocpp_v21;\n&/' "$BATS_TEST_TMPDIR/v21.c"
	"${CC:-cc}" -std=gnu17 -Wall -Wextra -Werror -I"$ROOT/lib" -c -o "$BATS_TEST_TMPDIR/v21.o" "$BATS_TEST_TMPDIR/v21.c"
}

@test "our verdict on made and spoiled messages is that of python3-jsonschema" {
	run -0 /usr/bin/python3 "$ROOT/tests/fakes/ocpp_mutate.py" "$SCHEMAS" "${EVSE_BUILD:-$ROOT/build}/tests/ocpp-check" 4
	[[ "$output" == *" 0 differences"* ]]
}
