# The test, lint and measuring targets; included by ../Makefile.

BATS := $(sort $(wildcard tests/cli/*.bats))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_SECONDS ?= 60

.PHONY: soak unit cli check test checks run-deps test-deps fuzz-build summary

## make test         install what is missing, build, run all tests (the same as make check)
test check: test-deps
	@$(MAKE) --no-print-directory summary

summary: all $(UNIT) $(HELPERS)
	@sh tests/summary.sh $(B) "$(MAKE)"

test-deps:
	@sh tools/deps.sh test
run-deps:
	@sh tools/deps.sh run

## make unit         unit tests only (build/tests/unit/*)
unit: $(UNIT)
	@sh tests/run-unit.sh $(B) $(UNIT)

## make cli          command-line tests only (tests/cli/*.bats); BATS=tests/cli/x.bats picks
cli: all $(HELPERS)
	@sh tests/run-cli.sh $(B) $(BATS)

## make checks       manual pages against option tables, headers, house rules, completions, install
checks: all
	@sh tools/check-man.sh $(B)
	@sh tools/check-headers.sh "$(CC)" $(ALL_CPPFLAGS)
	@sh tools/check-source.sh
	@sh completions/check.sh $(B)
	@MAKE="$(MAKE)" sh tools/check-install.sh
check-man: all
	@sh tools/check-man.sh $(B)
check-headers:
	@sh tools/check-headers.sh "$(CC)" $(ALL_CPPFLAGS)
check-install: all
	@MAKE="$(MAKE)" sh tools/check-install.sh

## make run          install what is missing, build, run a whole charger on the simulation
run: run-deps
	@$(MAKE) --no-print-directory all
	@sh tools/demo.sh $(B)

## make soak         long tests: many more kills
soak: all $(HELPERS)
	@EVSE_TEST_KILLS=$(or $(SOAK_KILLS),100) sh tests/run-cli.sh $(B) tests/cli/charger-kill.bats

## make kernel       evse-pilot's linux driver on a Debian kernel's own GPIO, PWM, IIO and watchdog, emulated by qemu
.PHONY: kernel
kernel: all
	@sh tools/deps.sh kernel
	@sh tests/kernel/run.sh $(B)

## make lint         formatters, linters and analysers
lint:
	@bash tools/lint.sh $(ALL_CPPFLAGS)

## make sanitize     unit and command-line tests under ASan and UBSan
sanitize:
	@EVSE_TEST_SCALE=0.1 ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
		$(MAKE) --no-print-directory B=$(B)-asan SANITIZE=address,undefined CFLAGS="-O1 -g" unit
	@ASAN_OPTIONS=detect_leaks=0 $(MAKE) --no-print-directory B=$(B)-asan SANITIZE=address,undefined CFLAGS="-O1 -g" cli

## make valgrind     unit tests under valgrind
valgrind: $(UNIT)
	@sh tests/run-valgrind.sh $(B) $(UNIT)

## make coverage     line coverage of lib/ by the unit and command-line tests
coverage:
	@$(MAKE) --no-print-directory B=$(B)-cov COVERAGE=1 CFLAGS="-g" unit
	@$(MAKE) --no-print-directory B=$(B)-cov COVERAGE=1 CFLAGS="-g" cli || true
	@gcovr -r . --object-directory $(B)-cov -f 'lib/' -e 'lib/.*/tables/' --exclude-unreachable-branches \
		--gcov-ignore-parse-errors -s --txt $(B)-cov/coverage.txt $(B)-cov && sh tests/coverage-parts.sh $(B)-cov/coverage.txt

## make fuzz         each fuzz target for FUZZ_SECONDS (60), with clang's libFuzzer
fuzz: $(FUZZ:%=fuzz-%)
# The library may be newer: always made and linked anew.
.PHONY: FORCE
FORCE:
$(B)-fuzz/%: tests/fuzz/%.c FORCE
	@mkdir -p $(B)-fuzz
	@$(MAKE) --no-print-directory CC=clang B=$(B)-fuzz SANITIZE=fuzzer-no-link,address,undefined CFLAGS="-O1 -g" $(B)-fuzz/libevse.a
	@clang $(ALL_CPPFLAGS) -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -o $@ $< $(B)-fuzz/libevse.a $(LIBS)
fuzz-%: $(B)-fuzz/%
	@mkdir -p $(B)-fuzz/corpus/$* tests/corpus/$*
	@echo "fuzz $* for $(FUZZ_SECONDS) s"
	@$(B)-fuzz/$* -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -max_len=70000 -print_final_stats=0 -verbosity=0 \
		-artifact_prefix=$(B)-fuzz/ $(B)-fuzz/corpus/$* tests/corpus/$* 2>$(B)-fuzz/$*.log || { tail -30 $(B)-fuzz/$*.log; exit 1; }

## make bench        the budgets of the manual, measured; table in build/bench.tsv
bench: all $(BENCHES) $(HELPERS)
	@bash tests/bench/bench.sh $(B)

## make prove        Frama-C on the pilot's core: no run-time error, outputs in range
prove:
	@sh tests/prove/prove.sh

## make completions  writes completions/ anew from the option tables
completions: all
	@sh completions/generate.sh $(B)
