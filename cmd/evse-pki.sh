#!/bin/sh
# evse-pki: makes a small test PKI with the openssl command: authority, server and charger certificates,
# good ones and, for tests, bad ones. Reads and writes one directory; prints the path of each file made.
#
# Layout of DIR: CA.crt CA.key, NAME.crt (leaf and authority) NAME.key. Keys are P-256, mode 0600.
set -eu

VERSION=@VERSION@
umask 077

usage() {
	cat <<'END'
Usage: evse-pki [-d DIR] ca [--name NAME] [--days N]
       evse-pki [-d DIR] server NAME|ADDRESS... [--file FILE] [--ca FILE]
                [--days N | --expired | --not-yet]
       evse-pki [-d DIR] charger ID [--file FILE] [--ca FILE]
                [--days N | --expired | --not-yet]
       evse-pki [-d DIR] demo [ID...]
       evse-pki [-d DIR] show FILE

Makes a small test PKI: an authority, certificates for servers and chargers.

  -d, --dir DIR      directory of all files (default .)
      --ca FILE      authority to sign with: FILE.crt and FILE.key in DIR
                     (default ca)
      --file FILE    name of the files made (default: ca, server, or the
                     charger's ID)
      --name NAME    common name of the authority (default "evse-tools test CA")
      --days N       valid for N days (default 3650 for an authority, else 825)
      --expired      valid until yesterday
      --not-yet      valid from tomorrow
      --force        replace files that are there
  -h, --help         print this text
  -V, --version      print the version

Commands:
  ca                 make an authority
  server             make a server's certificate for names and IP addresses
  charger            make a charger's client certificate with the common name ID
  demo               make what a demonstration needs, where it is missing:
                     ca, server for localhost, charger CS001 (or ID...)
  show               print what a certificate says

Exit status: 0 done; 64 usage; 66 no such authority; 69 no openssl;
71 openssl failed; 73 file is there already.
END
}

# For completions, as the C programs print it: letter, long name, argument, hint, help; "@" a command.
option_table() {
	usage | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\)   *\([a-z].*\)/@	\1	\2/p'
	printf '%s\t%s\t%s\t%s\t%s\n' \
		d dir DIR @dir 'directory of all files' \
		- ca FILE @file 'authority to sign with' \
		- file FILE @file 'name of the files made' \
		- name NAME - 'common name of the authority' \
		- days N - 'valid for N days' \
		- expired - - 'valid until yesterday' - not-yet - - 'valid from tomorrow' \
		- force - - 'replace files that are there' \
		h help - - 'print this text' V version - - 'print the version'
}

fail() {
	code=$1
	shift
	printf 'evse-pki: error: %s\n' "$*" >&2
	exit "$code"
}

usage_error() {
	printf 'evse-pki: error: %s (try --help)\n' "$*" >&2
	exit 64
}

dir=. ca=ca file='' name='evse-tools test CA' days='' when=now force='' command=''
# what is not an option, one a line
args=''

value() { # value OPTION COUNT: refuses an option without its value
	[ "$2" -ge 2 ] || usage_error "option $1 needs a value"
}

while [ $# -gt 0 ]; do
	case $1 in
	--option-table) option_table; exit 0 ;;
	-d | --dir) value "$1" $# && dir=$2 && shift ;;
	--ca) value "$1" $# && ca=$2 && shift ;;
	--file) value "$1" $# && file=$2 && shift ;;
	--name) value "$1" $# && name=$2 && shift ;;
	--days) value "$1" $# && days=$2 && shift ;;
	--expired) when=expired ;;
	--not-yet) when=notyet ;;
	--force) force=1 ;;
	-h | --help)
		usage || exit 74
		exit 0
		;;
	-V | --version)
		printf 'evse-pki %s\n' "$VERSION" || exit 74
		exit 0
		;;
	-*) usage_error "unknown option $1" ;;
	*) if [ -z "$command" ]; then command=$1; else
		args="$args$1
"
	fi ;;
	esac
	shift
done

case $days in
'' | [1-9] | [1-9][0-9] | [1-9][0-9][0-9] | [1-9][0-9][0-9][0-9] | [1-9][0-9][0-9][0-9][0-9]) ;;
*) usage_error "--days $days: expected 1 to 99999" ;;
esac
for text in "$ca" "$file"; do
	case $text in
	*/* | .*) usage_error "\"$text\": expected a plain file name" ;;
	esac
done
case $name in
*[!A-Za-z0-9\ ._:@+-]*) usage_error "--name: letters, digits, blanks and ._:@+- only" ;;
esac
command -v openssl >/dev/null 2>&1 || fail 69 'the openssl command is not installed'

scratch=''
tidy() {
	[ -z "$scratch" ] || rm -rf "$scratch"
}
trap tidy EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

make_scratch() {
	mkdir -p "$dir" || fail 71 "unable to make the directory \"$dir\""
	[ -n "$scratch" ] || scratch=$(mktemp -d "$dir/.evse-pki.XXXXXX") || fail 71 "unable to write in \"$dir\""
}

run() { # run WHAT COMMAND...: quiet unless it fails
	what=$1
	shift
	"$@" >"$scratch/out" 2>&1 || {
		cat "$scratch/out" >&2
		fail 71 "unable to $what: openssl failed"
	}
}

check_free() { # check_free BASE
	[ -n "$force" ] || [ ! -e "$dir/$1.crt" ] || fail 73 "\"$dir/$1.crt\" is there already (--force replaces it)"
}

new_key() {
	run 'make a key' openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/key"
}

# A certificate with exact dates needs "openssl ca", whose bookkeeping lives in the scratch directory.
validity() { # validity DEFAULT_DAYS: sets from and until
	now=$(date -u +%s)
	case $when in
	now) from=$((now - 3600)) until=$((now + ${days:-$1} * 86400)) ;;
	expired) from=$((now - 30 * 86400)) until=$((now - 86400)) ;;
	notyet) from=$((now + 86400)) until=$((now + ${days:-$1} * 86400 + 86400)) ;;
	esac
	from=$(date -u -d "@$from" +%Y%m%d%H%M%SZ)
	until=$(date -u -d "@$until" +%Y%m%d%H%M%SZ)
}

sign() { # sign COMMON_NAME EXTENSIONS DEFAULT_DAYS [-selfsign KEY | CA_BASE]
	validity "$3"
	cat >"$scratch/conf" <<END
[req]
prompt = no
distinguished_name = dn
[dn]
CN = $1
O = evse-tools test
[ca]
default_ca = here
[here]
database = $scratch/index
new_certs_dir = $scratch
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
organizationName = optional
[ext]
$2
END
	: >"$scratch/index"
	run 'make a request' openssl req -new -config "$scratch/conf" -key "$scratch/key" -utf8 -out "$scratch/csr"
	if [ "$4" = -selfsign ]; then
		set -- -selfsign -keyfile "$scratch/key"
	else
		set -- -cert "$dir/$4.crt" -keyfile "$dir/$4.key"
	fi
	run 'sign' openssl ca -batch -notext -config "$scratch/conf" -extensions ext "$@" -preserveDN \
		-startdate "$from" -enddate "$until" -in "$scratch/csr" -out "$scratch/crt"
}

publish() { # publish BASE [CHAIN]: whole files, the certificate last
	[ $# -lt 2 ] || cat "$2" >>"$scratch/crt"
	chmod 644 "$scratch/crt"
	mv -f "$scratch/key" "$dir/$1.key"
	mv -f "$scratch/crt" "$dir/$1.crt"
	printf '%s\n' "$dir/$1.crt" "$dir/$1.key"
}

need_ca() {
	if [ -r "$dir/$ca.crt" ] && [ -r "$dir/$ca.key" ]; then return; fi
	fail 66 "no authority \"$dir/$ca.crt\" with its key (make one: evse-pki -d \"$dir\" ca)"
}

make_ca() {
	base=${file:-$ca}
	check_free "$base"
	make_scratch
	new_key
	sign "$name" 'basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash' 3650 -selfsign
	publish "$base"
}

leaf_extensions() { # leaf_extensions USAGE
	printf '%s\n' 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature' \
		"extendedKeyUsage = $1" 'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid'
}

alt_names() { # from args: "DNS:a,IP:b"
	printf '%s' "$args" | while read -r n; do
		case $n in
		*[!A-Za-z0-9.:*-]*) exit 1 ;;
		*:* | *[0-9].*[0-9].*[0-9].*[0-9])
			case $n in
			*[!0-9a-fA-F.:]*) printf 'DNS:%s,' "$n" ;;
			*) printf 'IP:%s,' "$n" ;;
			esac
			;;
		*) printf 'DNS:%s,' "$n" ;;
		esac
	done
}

make_server() {
	base=${file:-server}
	[ -n "$args" ] || usage_error 'server: which names or addresses?'
	names=$(alt_names) || usage_error 'server: a name of letters, digits, dots and hyphens, or an IP address'
	first=${args%%
*}
	need_ca
	check_free "$base"
	make_scratch
	new_key
	sign "$first" "$(leaf_extensions serverAuth)
subjectAltName = ${names%,}" 825 "$ca"
	publish "$base" "$dir/$ca.crt"
}

# Source of the characters allowed: OCPP 2.0.1 part 2, type identifierString.
make_charger() {
	id=${args%%
*}
	case $id in
	'' | *[!A-Za-z0-9*_=:+\|@.-]* | .*) usage_error 'charger: which ID? Letters, digits and *-_=:+|@. only' ;;
	esac
	[ ${#id} -le 48 ] || usage_error 'charger: an ID has at most 48 characters'
	base=${file:-$id}
	need_ca
	check_free "$base"
	make_scratch
	new_key
	sign "$id" "$(leaf_extensions clientAuth)" 825 "$ca"
	publish "$base" "$dir/$ca.crt"
}

make_demo() {
	ids=${args:-CS001}
	file=''
	[ -e "$dir/$ca.crt" ] || make_ca
	args='localhost
127.0.0.1
::1
'
	[ -e "$dir/server.crt" ] || make_server
	for id in $ids; do
		args="$id
"
		[ -e "$dir/$id.crt" ] || make_charger
	done
}

case $command in
ca) make_ca ;;
server) make_server ;;
charger) make_charger ;;
demo) make_demo ;;
show)
	shown=${args%%
*}
	[ -r "$dir/$shown" ] || fail 66 "unable to read \"$dir/$shown\""
	openssl x509 -in "$dir/$shown" -noout -subject -issuer -dates -ext subjectAltName,extendedKeyUsage 2>/dev/null ||
		fail 65 "\"$dir/$shown\" is not a PEM certificate"
	;;
'') usage_error 'a command is missing: ca, server, charger, demo or show' ;;
*) usage_error "unknown command $command" ;;
esac
