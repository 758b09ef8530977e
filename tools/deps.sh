#!/bin/sh
# deps.sh run|test|kernel: makes sure that the Debian packages are there, with apt-get when root or password-less sudo allows;
# else names them and stops. Quick when nothing is missing.
# python3-serial and python3-serial-asyncio: pymodbus imports them, its package does not ask for them.
set -u
build="gcc make pkg-config libc6-dev libjq-dev libmodbus-dev libwebsockets-dev libssl-dev zlib1g-dev libncurses-dev
	libseccomp-dev"
run="runit openssl jq"
test="bats mandoc shellcheck codespell cppcheck clang clang-tidy clang-format libclang-rt-14-dev valgrind gcovr
	python3 python3-cryptography python3-pymodbus python3-serial python3-serial-asyncio python3-websockets python3-jsonschema mbpoll socat tshark iproute2 procps
	busybox nodejs npm nginx-light chrony faketime zstd sqlite3 gnuplot-nox softhsm2 gdb xxd"
kernel="qemu-system-x86 busybox gcc-12 xz-utils libelf1"
case ${1:-} in
run) want="$build $run" ;;
test) want="$build $run $test" ;;
kernel) want="$build $kernel" ;;
*) echo "usage: deps.sh run|test|kernel" >&2; exit 64 ;;
esac

# A tool that is there without its package (node from elsewhere) counts.
have() {
	case $1 in
	nodejs) command -v node >/dev/null && return 0 ;;
	npm) command -v npm >/dev/null && return 0 ;;
	nginx-light) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] && return 0 ;;
	runit) command -v runsvdir >/dev/null && return 0 ;;
	esac
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'
}

missing=
for p in $want; do
	have "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	sudo="sudo -n"
else
	echo "These packages are missing; install them and try again:" >&2
	echo "  apt-get install$missing" >&2
	exit 69
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # lists of words
if ! $sudo apt-get update -qq || ! $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
	echo "deps.sh: apt-get could not install:$missing" >&2
	exit 69
fi
