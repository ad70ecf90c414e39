# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
# Shared by tools/run, demo, test and bench: paths, missing packages, builds. Sourced, not run.
# Works as root or with sudo; apart from the packages it names it changes nothing on the machine.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build

build_packages=(gcc libc6-dev meson ninja-build pkg-config python3 libevent-dev libsofia-sip-ua-dev libssl-dev
	libexpat1-dev libsqlite3-dev libjansson-dev libc-ares-dev uthash-dev libcmocka-dev sqlite3)

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then # https://no-color.org
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s== %s%s\n' "$bold" "$*" "$plain"; }
die() {
	printf '%s%s: %s%s\n' "$red" "${0##*/}" "$*" "$plain" >&2
	exit 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The package kamailio starts a service that takes port 5060, at once and at every boot; the tests start Kamailio
# themselves. Debian's way to prevent that is policy-rc.d; one that exists already is not ours to change.
policy=/usr/sbin/policy-rc.d

# apt_install NAME...: run it in a subshell, which removes the policy when it exits.
apt_install() {
	local kamailio=''
	[[ " $* " == *' kamailio '* ]] && kamailio=yes
	if [ $kamailio ] && [ ! -e $policy ]; then
		trap 'as_root rm -f "$policy"' EXIT
		printf '#!/bin/sh\ncase "$*" in *kamailio*) exit 101 ;; esac\n' | as_root install -m 755 /dev/stdin $policy || return
	fi
	as_root apt-get -q update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "$@" || return
	if [ $kamailio ] && [ -d /run/systemd/system ]; then
		as_root systemctl disable --now kamailio
	fi
}

# need_packages NAME...: install those of these Debian packages that are missing.
need_packages() {
	local name missing=() apt_log
	command -v dpkg-query >/dev/null || die "this is not Debian; install the equivalent of: $*"
	for name; do
		installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} = 0 ] && return
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die "packages are missing and there is no sudo; as root: apt-get install --no-install-recommends ${missing[*]}"
	step "installing with apt: ${missing[*]}"
	apt_log=$(mktemp)
	if ! (apt_install "${missing[@]}") >"$apt_log" 2>&1; then
		tail -n 20 "$apt_log" >&2
		die "apt could not install ${missing[*]}; its output is in $apt_log"
	fi
	rm -f "$apt_log"
}

# configure DIR [MESON-OPTION...]: set up DIR as a build directory, or give it these options.
configure() {
	local dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$top" "$@"
	elif [ "$*" != "$(cat "$dir/options")" ]; then
		meson configure "$dir" "$@"
	fi && ninja -C "$dir" build.ninja && printf '%s\n' "$*" >"$dir/options"
}

# build_in DIR [MESON-OPTION...]: configure and build, quiet unless it fails. A build directory that was set up by
# hand, by another version of Meson or for a checkout elsewhere is replaced: Meson would fail in it or loop.
build_in() {
	local dir=$1 log=$1/build.log maker
	maker="meson $(meson --version) in $top"
	if [ -d "$dir/meson-private" ] && [ "$maker" != "$(cat "$dir/maker" 2>/dev/null)" ]; then
		rm -rf "$dir"
	fi
	mkdir -p "$dir"
	printf '%s\n' "$maker" >"$dir/maker"
	{ configure "$@" && ninja -C "$dir"; } >"$log" 2>&1 && return
	cat "$log" >&2
	die "could not build in $dir"
}

# free_ports udp|tcp N: print N free ports of 127.0.0.1, chosen by the kernel, one per line.
free_ports() {
	python3 -c '
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
held = [socket.socket(socket.AF_INET, kind) for _ in range(int(sys.argv[2]))]
for s in held:
    s.bind(("127.0.0.1", 0))
for s in held:
    print(s.getsockname()[1])
' "$@"
}

# wait_until SECONDS COMMAND...: run the command every 20 ms until it succeeds; fail when the time is up.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.02
	done
}

# udp_bound PORT: is this UDP port of 127.0.0.1 in use?
udp_bound() { grep -q "^ *[0-9]*: 0100007F:$(printf %04X "$1") " /proc/net/udp; }
