# The test, lint and measuring targets; included by ../Makefile.

## make unit         unit tests only (build/tests/unit/*)
unit: $(UNIT)
	@sh tests/run-unit.sh $(B) $(UNIT)
