#!/bin/sh
# check-install.sh: install into an empty place, run a program from there, uninstall, nothing is left.
set -u
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
fail() {
	echo "check-install: $*"
	exit 1
}
"${MAKE:-make}" -s install DESTDIR="$dest" PREFIX=/usr || fail "make install failed"
for f in usr/bin/evse-bus usr/bin/evse-charger usr/share/man/man7/evse-tools.7 usr/share/evse/evse.json; do
	[ -e "$dest/$f" ] || fail "/$f was not installed"
done
"$dest/usr/bin/evse-bus" --version >/dev/null || fail "the installed evse-bus does not run"
"${MAKE:-make}" -s uninstall DESTDIR="$dest" PREFIX=/usr || fail "make uninstall failed"
left=$(find "$dest" -type f -o -type l)
[ -z "$left" ] || fail "left behind: $left"
echo "check-install: clean"
