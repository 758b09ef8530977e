#!/bin/bash
# lint.sh CPPFLAGS…: formatters, linters, analysers over the whole tree. Prints what each finds; exit 1 when one did.
# LINT=fast leaves out clang-tidy, cppcheck and gcc's analyser, which take minutes.
set -u
flags=("$@")
bad=0
mapfile -t all_c < <(git ls-files 'lib/*.[ch]' 'cmd/*.[ch]' 'tests/*.[ch]' | grep -vE '/(tables|generated)/')
mapfile -t lib_c < <(git ls-files 'lib/*.c' 'cmd/*.c' | grep -vE '/(tables|generated)/')
mapfile -t safe_c < <(git ls-files 'lib/core/*.c' 'lib/bus/*.c' 'lib/pilot/*.c' 'lib/setpoint/*.c')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
mapfile -t texts < <(git ls-files 'lib/*.[ch]' 'cmd/*' '*.md' 'man/*' '*.sh' | grep -vE '/(tables|generated)/')

check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "lint: $name: clean"
	else
		printf '%s\n' "$out" | head -n 40
		echo "lint: $name: not clean, $(grep -c "" <<<"$out") lines"
		bad=$((bad + 1))
	fi
}
tidy() {
	! printf '%s\n' "${lib_c[@]}" | xargs -P 2 -I{} clang-tidy --quiet {} -- -std=gnu17 "${flags[@]}" 2>/dev/null |
		grep -E '(warning|error):'
}
analyse() {
	local f
	! for f in "${safe_c[@]}"; do
		gcc -fanalyzer -std=gnu17 "${flags[@]}" -c -o /dev/null "$f" 2>&1
	done | grep -E '(warning|error):'
}
check clang-format clang-format --dry-run --Werror "${all_c[@]}"
check shellcheck shellcheck -x "${scripts[@]}"
check codespell codespell -q 3 -L 'upto,ist,te,ans,nd,ot,ro,ue,aline,fo,inout,acn,mis,vie,statics' "${texts[@]}"
check check-source sh tools/check-source.sh
if [ "${LINT:-all}" != fast ]; then
	check cppcheck cppcheck -q -j2 --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem -Ilib "${lib_c[@]}"
	check clang-tidy tidy
	check gcc-analyzer analyse
fi
[ "$bad" -eq 0 ]
