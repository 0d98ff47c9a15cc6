#!/usr/bin/env bash
# Copyright 2026 The caddy-lockout authors
# SPDX-License-Identifier: Apache-2.0
#
# The one entry point: builds ./caddy, runs the tests. ./xcaddy.sh help says how.
# Needs Go and git; the command `test` installs the rest.

set -euo pipefail
unset CDPATH
export GOWORK=off # a workspace above this directory is none of ours

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$root"

# What an official Caddy is built with.
tags=nobadger,nomysql,nopgx

usage() {
	cat <<-'EOF'
		usage: ./xcaddy.sh [command]

		commands:
		  build              build ./caddy with the plugin from this directory (default)
		  run                build ./caddy if needed, start a demo on 127.0.0.1 and
		                     print lines that show a user being locked; options:
		                       --site PORT     of the site, default 8080
		                       --api PORT      of policy API and metrics, default 8081
		                       --redis ADDRESS use this Redis, not the embedded store
		  test [arguments]   install what the tests need and run all of them; the
		                     arguments go to `go test`. A table tells of every fault
		                     what came of it. LOCKOUT_TEST_LONG=1 in the
		                     environment asks for the long variants, which need
		                     -timeout 2h: see README, Tests
		  help               this page
	EOF
}

main() {
	local command=${1:-build}
	if (($#)); then shift; fi
	case $command in
	build | run | test) "command_$command" "$@" ;;
	help | -h | --help) usage ;;
	*)
		say "xcaddy.sh: there is no command '$command'" >&2
		usage >&2
		exit 2
		;;
	esac
}

# --- build -------------------------------------------------------------------

command_build() {
	if (($#)); then
		say "xcaddy.sh: build takes no arguments" >&2
		exit 2
	fi
	need_go
	need_git

	local module version start=$SECONDS
	module=$(awk '$1 == "module" { print $2 }' go.mod)
	version=$(required_version github.com/caddyserver/caddy/v2)

	say "Building ./caddy: Caddy $version with the plugin from $root."
	say "The first build downloads and compiles Caddy: minutes on two cores. Later ones take less than one."

	# A version that no one publishes, so that go never asks for a list of
	# versions; xcaddy replaces it with this directory.
	go tool -modfile=tools/xcaddy/go.mod xcaddy build "$version" \
		--with "$module@v0.0.0=$root" --output "$root/caddy"

	say "Built ./caddy in $((SECONDS - start)) s."
	say "Next: ./xcaddy.sh run shows a user being locked; README.md says how to put it in front of your application."
}

# required_version prints the version of a module that go.mod requires.
required_version() {
	awk -v module="$1" '
		$1 == module { print $2; exit }
		$1 == "require" && $2 == module { print $3; exit }
	' go.mod
}

# --- run ---------------------------------------------------------------------

command_run() {
	local site=8080 api=8081 redis='' pid data token
	while (($#)); do
		case $1 in
		--site) site=${2-} ;;
		--api) api=${2-} ;;
		--redis) redis=${2-} ;;
		*)
			say "xcaddy.sh: run does not know '$1'; it takes --site PORT, --api PORT and --redis ADDRESS" >&2
			exit 2
			;;
		esac
		if [[ -z ${2-} ]]; then
			say "xcaddy.sh: $1 needs a value" >&2
			exit 2
		fi
		shift 2
	done
	need_curl
	if stale; then command_build; fi

	# A token for this run only, and a fresh store: the lines below are exact.
	token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	data=$(mktemp -d)
	# shellcheck disable=SC2064 # what they are now
	trap "rm -rf -- '$data'" EXIT
	LOCKOUT_DEMO_SITE=127.0.0.1:$site LOCKOUT_DEMO_API=127.0.0.1:$api LOCKOUT_DEMO_TOKEN=$token \
		LOCKOUT_DEMO_DATA=$data LOCKOUT_DEMO_REDIS=${redis:+$(demo_redis "$redis")} \
		./caddy run --config examples/demo.Caddyfile --adapter caddyfile >"$data/log" 2>&1 &
	pid=$!
	trap 'kill "$pid" 2>/dev/null || true' INT TERM HUP
	if ! demo_answers "$pid" "$api"; then
		say "The demo did not start:" >&2
		cat -- "$data/log" >&2
		exit 1
	fi
	demo_lines "http://127.0.0.1:$site" "http://127.0.0.1:$api" "$token"
	# A signal ends the first wait; the second waits for Caddy to stop.
	wait "$pid" || wait "$pid" || true
}

# stale reports whether ./caddy is missing or older than what it is built from.
stale() {
	[[ ! -x caddy ]] || [[ $(find . \( -path ./e2e -o -path ./faulttest \) -prune -o \
		\( -name '*.go' -o -name '*.lua' -o -name go.mod -o -name openapi.json -o -path './presets/*.Caddyfile' \) -newer caddy -print -quit) ]]
}

# demo_redis prints the block that names a store of its own in a Redis.
demo_redis() {
	printf 'redis {\n address %s\n key_prefix lockout-demo-%s\n}' "$1" "$$"
}

# demo_answers waits until the demo listens, or has ended.
demo_answers() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		if curl -s -o /dev/null "http://127.0.0.1:$2/metrics"; then return 0; fi
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# demo_lines prints what to type. A test runs these very lines and compares the
# answers with what stands behind each arrow.
demo_lines() {
	local site=$1 api=$2 bearer="-H 'Authorization: Bearer $3'"
	local status="curl -s -o /dev/null -w '%{http_code}\\n'"
	cat <<-EOF
		The demo runs. $site asks for a password: alice, wonderland.
		Three wrong ones lock her. Type these lines in another terminal; Ctrl-C here ends the demo.

		# alice logs in -> 200
		$status -u alice:wonderland $site
		# wrong password, the first -> 401
		$status -u alice:guess1 $site
		# the second -> 401
		$status -u alice:guess2 $site
		# the third locks her -> 401
		$status -u alice:guess3 $site
		# so nobody guesses a fourth time -> 403
		$status -u alice:guess4 $site
		# the right password is refused too -> 403
		$status -u alice:wonderland $site
		# the operator sees one lock -> caddy_lockout_locks_total{factor="password"} 1
		curl -s $api/metrics | grep '^caddy_lockout_locks_total{factor="password"}'
		# the policy API allows five wrong passwords from now on -> 200
		$status -X PUT $bearer -d '{"maxPasswordAttempts":5,"maxOtpAttempts":5}' $api/admin/v1/policies/password/lockout
		# alice stays locked until an administrator unlocks her -> 403
		$status -u alice:wonderland $site
		# which is one call -> 200
		$status -X POST $bearer $api/management/v1/users/alice/_unlock
		# four wrong passwords are not too many any more -> 401
		$status -u alice:guess5 $site
		# the second -> 401
		$status -u alice:guess6 $site
		# the third -> 401
		$status -u alice:guess7 $site
		# the fourth -> 401
		$status -u alice:guess8 $site
		# and the right one still logs in -> 200
		$status -u alice:wonderland $site
	EOF
}

need_curl() {
	if ! command -v curl >/dev/null; then
		say "curl is missing, and the lines of the demo use it. Install it and start again: apt-get install curl" >&2
		exit 1
	fi
}

# --- test --------------------------------------------------------------------

command_test() {
	need_go
	need_git
	local start=$SECONDS failed=() mod
	install_test_needs

	# Every module of ours that has tests: the root and the directories below it
	# with a go.mod. Those under tools/ only pin programs.
	for mod in go.mod */go.mod; do
		test_module "$(dirname "$mod")" "$@" || failed+=("$(dirname "$mod")")
	done

	if ((${#failed[@]})); then
		say "FAILED after $((SECONDS - start)) s, in: ${failed[*]}" >&2
		exit 1
	fi
	say "All tests passed in $((SECONDS - start)) s."
}

# test_module runs the tests of one module. A skipped test fails the run: here
# is everything that a test may need. Go runs as many packages at once as there
# are cores; one that starts many services takes longer than Go's ten minutes
# where the cores are busy. Arguments come last, so they may say another time.
test_module() {
	local dir=$1 start=$SECONDS status=0
	shift
	say "go test in $dir (the first time, compiling Caddy for the race detector takes minutes)"
	(
		cd -- "$dir" || exit
		export CGO_ENABLED=1 # the race detector needs it
		if shows_all_output "$@"; then
			exec go test -race -shuffle=on -timeout 30m -trimpath -tags "$tags" "$@" ./...
		fi
		go test -v -race -shuffle=on -timeout 30m -trimpath -tags "$tags" "$@" ./... 2>&1 | brief
	) || status=$?
	say "go test in $dir: $((SECONDS - start)) s"
	return "$status"
}

# shows_all_output reports whether the arguments ask for output that brief
# would hide.
shows_all_output() {
	local argument
	for argument; do
		case $argument in
		-v | -v=* | -json | -json=* | -bench | -bench=* | -fuzz | -fuzz=* | -list | -list=*) return 0 ;;
		esac
	done
	return 1
}

# brief turns the output of `go test -v` into that of `go test`: what a package
# prints only when it failed, and the lines of tables, which begin with a bar. It
# also names skipped tests and then fails.
brief() {
	awk '
		function flush_held(   i) {
			for (i = 1; i <= n; i++) print held[i]
			n = 0
		}
		/^=== (RUN|PAUSE|CONT|NAME)/ || /^[[:space:]]*--- PASS: / { next }
		/^\| .* \|$/ { print; fflush(); next }
		/^[[:space:]]*--- SKIP: / { skipped[++skips] = $3; show = 1 }
		/^(ok  |FAIL|\?   )\t/ {
			if (show || /^FAIL/) flush_held()
			n = show = 0
			print
			fflush()
			next
		}
		{ held[++n] = $0 }
		END {
			flush_held()
			for (i = 1; i <= skips; i++) print "FAIL: skipped " skipped[i]
			exit skips > 0
		}
	'
}

# --- what the tests need -----------------------------------------------------

# test_needs says what the tests need beside a C compiler: how one sees that it
# is there, the Debian package that has it, and what for. Web applications come
# as the files of their packages, unpacked into a cache: installed, they would
# bring a web server along.
test_needs() {
	cat <<-'EOF'
		program redis-server redis-server          the tests start their own, on free ports
		program curl curl                          lines that the demo prints, which they try
		program node nodejs                        a client of the policy API
		program npm npm                            what that client is made of
		program chromium chromium                  a page that calls the policy API
		program php php-cli                        WordPress and MediaWiki
		php mysqli php-mysql                       WordPress
		program mariadbd mariadb-server-core       WordPress
		php mbstring php-mbstring                  MediaWiki
		php intl php-intl                          MediaWiki
		php dom php-xml                            MediaWiki
		php pdo_sqlite php-sqlite3                 MediaWiki
		python radicale python3-radicale           a login service
		python django python3-django               a login service
		python django_otp python3-django-otp       its second factor
		python gunicorn python3-gunicorn           what it runs in
		files usr/share/wordpress wordpress        a login service
		files var/lib/mediawiki mediawiki          a login service
		files usr/share/mediawiki/includes mediawiki-classes   its code
	EOF
}

# is_there reports whether a line of test_needs is met.
is_there() {
	case $1 in
	program) command -v "$2" || [[ -x /usr/sbin/$2 ]] ;;
	php) command -v php && php -r "exit((int) !extension_loaded('$2'));" ;;
	python) /usr/bin/python3 -c "import $2" 2>/dev/null ;;
	files) [[ -e /$2 || -e $debian_files/$2 ]] ;;
	esac >/dev/null
}

# Where the tests look for files of Debian packages that are not installed.
debian_files=${XDG_CACHE_HOME:-$HOME/.cache}/caddy-lockout/debian

# install_test_needs installs what is missing of test_needs and a C compiler,
# which the race detector needs to link C.
install_test_needs() {
	local packages=() files=() kind what package
	compiles_c || packages+=(gcc libc6-dev)
	while read -r kind what package _; do
		if is_there "$kind" "$what"; then continue; fi
		if [[ $kind == files ]]; then files+=("$package"); else packages+=("$package"); fi
	done < <(test_needs)
	if ((${#packages[@]} + ${#files[@]} == 0)); then
		return
	fi

	if ! command -v apt-get >/dev/null; then
		say "The tests need these, which are missing here. Install them and start again:" >&2
		compiles_c || say "  a C compiler with the headers of the C library (gcc or clang)" >&2
		still_missing | sed 's/^/  /' >&2
		exit 1
	fi
	if ((${#packages[@]})) && ! as_root true 2>/dev/null; then
		say "The tests need packages that are missing here. Install them as root and start again:" >&2
		say "  apt-get install -y --no-install-recommends ${packages[*]}" >&2
		exit 1
	fi

	local start=$SECONDS
	say "Getting what the tests need: ${packages[*]} ${files[*]}"
	if as_root true 2>/dev/null; then
		apt_get update || say "apt-get update failed; trying with the lists that are here" >&2
	fi
	if ((${#packages[@]})); then
		without_starting_services apt_get install -y --no-install-recommends "${packages[@]}"
	fi
	if ((${#files[@]})); then unpack_packages "${files[@]}"; fi
	if ! compiles_c || [[ $(still_missing) ]]; then
		say "Still missing: $(compiles_c || say "$(go env CC) that links C")" >&2
		still_missing | sed 's/^/  /' >&2
		exit 1
	fi
	say "Got them in $((SECONDS - start)) s."
}

still_missing() {
	local kind what package
	while read -r kind what package _; do
		is_there "$kind" "$what" || printf '%s %s (Debian package %s)\n' "$kind" "$what" "$package"
	done < <(test_needs)
}

# unpack_packages puts the files of packages into the cache, as whoever runs the
# tests. Nothing is installed.
unpack_packages() (
	temporary=$(mktemp -d)
	trap 'rm -rf -- "$temporary"' EXIT
	cd -- "$temporary"
	# As root apt-get would change to a user who may not write here, and say so.
	apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@"
	mkdir -p -- "$debian_files"
	for package in *.deb; do
		dpkg-deb -x "$package" "$debian_files"
	done
)

compiles_c() {
	local cc
	read -ra cc <<<"$(go env CC)"
	printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' |
		"${cc[@]}" -x c - -o /dev/null 2>/dev/null
}

as_root() {
	if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# without_starting_services runs a command while packages may install services
# but not start them, and not at the next boot either.
without_starting_services() {
	(
		policy=/usr/sbin/policy-rc.d
		saved=
		# shellcheck disable=SC2317 # the trap calls it
		restore() {
			if [[ $saved ]]; then as_root mv -f "$saved" "$policy"; else as_root rm -f "$policy"; fi
		}
		if [[ -e $policy || -L $policy ]]; then
			saved=$policy.before-caddy-lockout
			as_root mv -f "$policy" "$saved"
		fi
		trap restore EXIT
		trap 'exit 130' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
		"$@"
		if [[ -d /run/systemd/system ]]; then
			as_root systemctl disable --quiet redis-server.service
		fi
	)
}

# --- what the build needs ----------------------------------------------------

need_go() {
	if ! command -v go >/dev/null && [[ -x /usr/local/go/bin/go ]]; then
		PATH=$PATH:/usr/local/go/bin
	fi
	local wanted have
	wanted=$(awk '$1 == "go" { print $2 }' go.mod)
	if ! command -v go >/dev/null; then
		say "Go $wanted or newer is missing. Install it and start again:" >&2
		hint_go
		exit 1
	fi
	# Inside the module go itself switches to the wanted version when it may.
	have=$(go env GOVERSION 2>/dev/null) || have=$(GOTOOLCHAIN=local go version | awk '{ print $3 }')
	have=${have#go}
	if ! at_least "${have%%[!0-9.]*}" "$wanted"; then
		say "Go $wanted or newer is needed, and this is Go ${have:-of an unknown version} ($(command -v go))." >&2
		say "Go 1.21 and newer can fetch it: go env -w GOTOOLCHAIN=auto. Otherwise install it:" >&2
		hint_go
		exit 1
	fi
}

hint_go() {
	cat >&2 <<-'EOF'
		  macOS           brew install go
		  Fedora          dnf install golang
		  Arch            pacman -S go
		  Debian, Ubuntu  snap install go --classic
		  any Linux       tar -C /usr/local -xzf <archive of the Go release>, then
		                  export PATH=$PATH:/usr/local/go/bin
	EOF
}

need_git() {
	if ! command -v git >/dev/null; then
		say "git is missing. Install it and start again: apt-get install git, brew install git or dnf install git" >&2
		exit 1
	fi
}

# at_least reports whether version $1 is $2 or newer.
at_least() {
	awk -v have="$1" -v want="$2" 'BEGIN {
		n = split(want, w, "."); split(have, h, ".")
		for (i = 1; i <= n; i++) if (h[i] + 0 != w[i] + 0) exit h[i] + 0 < w[i] + 0
	}'
}

say() { printf '%s\n' "$*"; }

main "$@"
