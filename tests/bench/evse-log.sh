#!/bin/sh
# tests/bench/evse-log.sh BUILD: size, speed, memory and wear of evse-log, against gzip, zstd and SQLite of the same records.
# The records are $EVSE_WEEK where it names a file of them, else a day that tests/fakes/log_say.py makes.
set -eu
here=$(dirname "$0")/../..
exec /usr/bin/python3 "$here/tests/fakes/log_bench.py" "$1/bin/evse-log" "${EVSE_WEEK:-}"
