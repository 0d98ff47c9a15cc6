// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"cmp"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

const (
	// maxDuration keeps durations exact enough when JSON turns them into
	// floating point, and catches slips of the unit.
	maxDuration = 10 * 365 * 24 * time.Hour

	// maxSize bounds what one attempt may hold in memory.
	maxSize = 1 << 30
)

// arguments reads exactly as many arguments as wanted names; none may be empty.
// The current token is then the last one.
func arguments(d *caddyfile.Dispenser, wanted ...string) ([]string, error) {
	option := place(d)
	args := d.RemainingArgs()
	if len(args) != len(wanted) {
		return nil, wrongCount(option, len(args), strings.Join(wanted, " "))
	}
	for i, name := range wanted {
		if strings.TrimSpace(args[i]) == "" {
			return nil, option.Errf("%s: %s is empty", option.Val(), name)
		}
	}
	return args, nil
}

// wrongCount is the error about the arguments of the current token.
func wrongCount(d *caddyfile.Dispenser, got int, want string) error {
	return d.Errf("%s: wrong number of arguments: got %d, want %s", d.Val(), got, cmp.Or(want, "none"))
}

// list reads one or more different arguments, each of which check accepts.
func list(d *caddyfile.Dispenser, wanted string, check func(d *caddyfile.Dispenser) error) ([]string, error) {
	option := place(d)
	var args []string
	for d.NextArg() {
		if slices.Contains(args, d.Val()) {
			return nil, d.Errf("%s: %q is given twice", option.Val(), d.Val())
		}
		if err := check(d); err != nil {
			return nil, err
		}
		args = append(args, d.Val())
	}
	if len(args) == 0 {
		return nil, wrongCount(option, 0, wanted)
	}
	return args, nil
}

// text reads any text, kept as written: placeholders are resolved when the
// configuration is provisioned.
func text(into *string) reader {
	return func(d *caddyfile.Dispenser) error {
		args, err := arguments(d, "<text>")
		if err != nil {
			return err
		}
		*into = args[0]
		return nil
	}
}

// addresses reads one or more hosts with ports; one with a placeholder is kept
// as written.
func addresses(into *[]string) reader {
	return func(d *caddyfile.Dispenser) (err error) {
		*into, err = list(d, "<host>:<port>", func(d *caddyfile.Dispenser) error {
			address := d.Val()
			if strings.Contains(address, "{") {
				return nil
			}
			host, port, err := net.SplitHostPort(address)
			if err != nil || host == "" {
				return d.Errf("address %q: want <host>:<port>", address)
			}
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
				return d.Errf("address %q: the port must be a number from 1 to 65535", address)
			}
			return nil
		})
		return err
	}
}

// word reads one of the allowed words. Words that are planned get an error of
// their own.
func word(into *string, allowed []string, planned ...string) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "<"+strings.Join(allowed, "|")+">")
		if err != nil {
			return err
		}
		*into = args[0]
		return checkWord(d, option, allowed, planned)
	}
}

// onOff reads a switch whose default is on.
func onOff(into **bool) reader {
	return func(d *caddyfile.Dispenser) error {
		var written string
		if err := word(&written, []string{"on", "off"})(d); err != nil {
			return err
		}
		on := written == "on"
		*into = &on
		return nil
	}
}

// given reads an option that says all by being there.
func given(into *bool) reader {
	return func(d *caddyfile.Dispenser) error {
		_, err := arguments(d)
		*into = err == nil
		return err
	}
}

// checkWord tests the current token.
func checkWord(d *caddyfile.Dispenser, option string, allowed, planned []string) error {
	switch v := d.Val(); {
	case slices.Contains(allowed, v):
		return nil
	case slices.Contains(planned, v):
		return d.Errf("%s: %q is not supported yet; so far: %s", option, v, strings.Join(allowed, ", "))
	default:
		return d.Errf("%s: unknown %q; allowed: %s", option, v, strings.Join(allowed, ", "))
	}
}

// duration reads a positive duration.
func duration(into *caddy.Duration) reader {
	return func(d *caddyfile.Dispenser) (err error) {
		option := d.Val()
		args, err := arguments(d, "<duration>")
		if err != nil {
			return err
		}
		*into, err = parseDuration(d, option, args[0])
		return err
	}
}

// durationOrOff reads a positive duration, or the word off, which is 0.
func durationOrOff(into **caddy.Duration) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "<duration>|off")
		if err != nil {
			return err
		}
		var v caddy.Duration
		if args[0] != "off" {
			v, err = parseDuration(d, option, args[0])
		}
		*into = &v
		return err
	}
}

func parseDuration(d *caddyfile.Dispenser, option, arg string) (caddy.Duration, error) {
	v, err := caddy.ParseDuration(arg)
	if err != nil {
		return 0, d.Errf("%s %q: want a duration such as 100ms, 30s or 30d", option, arg)
	}
	if v <= 0 || v > maxDuration {
		return 0, d.Errf("%s %q: want a duration above 0 and up to ten years", option, arg)
	}
	return caddy.Duration(v), nil
}

// number reads a whole number.
func number(into *int, least, most uint64) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "<number>")
		if err != nil {
			return err
		}
		n, err := parseNumber(d, option, args[0], least, most)
		*into = int(n)
		return err
	}
}

// limit reads a limit of attempts: all of uint32, 0 included.
func limit(into **uint32) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "<number>")
		if err != nil {
			return err
		}
		n, err := parseNumber(d, option, args[0], 0, math.MaxUint32)
		v := uint32(n)
		*into = &v
		return err
	}
}

func parseNumber(d *caddyfile.Dispenser, option, arg string, least, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(arg, 10, 64)
	if err != nil || n < least || n > most {
		return 0, d.Errf("%s %q: want a whole number from %d to %d", option, arg, least, most)
	}
	return n, nil
}

// size reads a number of bytes such as 64KiB.
func size(into *int64) reader {
	return func(d *caddyfile.Dispenser) error {
		option := d.Val()
		args, err := arguments(d, "<size>")
		if err != nil {
			return err
		}
		n, err := humanize.ParseBytes(args[0])
		if err != nil {
			return d.Errf("%s %q: want a size such as 64KiB", option, args[0])
		}
		if n == 0 || n > maxSize {
			return d.Errf("%s %q: want a size above 0 and up to 1GiB", option, args[0])
		}
		*into = int64(n)
		return nil
	}
}
