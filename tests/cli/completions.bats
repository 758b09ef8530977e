#!/usr/bin/env bats
# The committed completions of bash complete: the function is called as bash calls it.

bats_require_minimum_version 1.5.0
setup() { comp=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/completions; }

# complete_ TOOL WORD...: what is offered for the last word, which may be empty.
complete_() {
	tool=$1
	bash -c '
		source "$1/bash/$2"
		tool=$2
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		"_${tool//-/_}"
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$comp" "$@" | sort | paste -sd ' '
	[ -n "$tool" ]
}

offers() {
	want=$1
	shift
	got=$(complete_ "$@")
	[ "$got" = "$want" ] || { echo "$*: offered '$got', expected '$want'"; return 1; }
}

@test "commands, options, the words and the files of an option" {
	cd "$BATS_TEST_TMPDIR" && mkdir sub && touch evse.json
	offers "attach put serve tap" evse-bus ""
	offers "tap" evse-bus t
	offers "probe scope test" evse-pilot ""
	offers "--max-a" evse-pilot --ma
	offers "json text" evse-pilot --log-format ""
	offers "json" evse-pilot --log-format = j
	offers "sub" evse-pilot --vars ""
	offers "evse.json" evse-pilot -c e
	offers "evse.json" evse-pilot --config = e
	offers "" evse-pilot --max-a ""
	offers "--help" evse-bus --h
	offers "models probe" evse-meter ""
	offers "check" evse-charger c
	offers "restart" evse-charger r
	offers "get" evse-charger g
	offers "server show" evse-pki s
	offers "decode" evse-exi d
	offers "--at" evse-why --a
}

@test "each loads, and offers at least --help" {
	for file in "$comp"/bash/*; do
		offers "--help" "$(basename "$file")" --hel
	done
}

@test "zsh and fish read theirs, where they are there" {
	[ -n "$(command -v zsh)$(command -v fish)" ] || skip "neither zsh nor fish"
	for file in "$comp"/zsh/*; do
		[ -z "$(command -v zsh)" ] || zsh -n "$file"
	done
	for file in "$comp"/fish/*; do
		[ -z "$(command -v fish)" ] || fish -n "$file"
	done
}
