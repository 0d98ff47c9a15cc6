// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/redistest"
)

func TestRedisSettingsThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	c := redistest.NewCertificates(t)
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	for _, tt := range []struct{ name, settings, want string }{
		{"unknown mode", `{"mode": "auto"}`, `"auto" is not supported, write standalone, sentinel or cluster`},
		{"two servers", `{"address": ["a:1", "b:1"]}`, "write mode cluster"},
		{"no port", `{"address": "a"}`, `address "a", write host:port`},
		{"same node twice", `{"mode": "cluster", "address": ["a:1", "a:1"]}`, `address "a:1" is given twice`},
		{"cluster without address", `{"mode": "cluster"}`, "some nodes"},
		{"cluster with database", `{"mode": "cluster", "address": "a:1", "database": 1}`, "remove database"},
		{"sentinel without master_name", `{"mode": "sentinel", "address": "a:1"}`, "needs master_name"},
		{"sentinel without address", `{"mode": "sentinel", "master_name": "m"}`, "of the Sentinels"},
		{"master_name elsewhere", `{"master_name": "m"}`, "write mode sentinel or remove them"},
		{"sentinel_username elsewhere", `{"sentinel_username": "u", "sentinel_password": "p"}`, "write mode sentinel or remove them"},
		{"username alone", `{"username": "u"}`, "username needs password"},
		{"negative timeout", `{"timeout": -1}`, "must not be negative"},
		{"negative database", `{"database": -1}`, "must not be negative"},
		{"negative pool_size", `{"pool_size": -1}`, "must not be negative"},
		{"negative confirm_lock", `{"confirm_lock": -1}`, "must not be negative"},
		{"certificate without key", `{"tls": {"certificate": "a"}}`, "a certificate needs its key"},
		{"key without certificate", `{"tls": {"key": "a"}}`, "a certificate needs its key"},
		{"insecure with server_name", `{"tls": {"insecure_skip_verify": true, "server_name": "a"}}`, "remove it, or remove ca and server_name"},
		{"no ca", `{"tls": {"ca": "` + nothing + `"}}`, "reading redis tls ca: open " + nothing},
		{"ca that is none", `{"tls": {"ca": "` + c.Key + `"}}`, "holds no certificate in PEM"},
		{"no key", `{"tls": {"certificate": "` + c.Certificate + `", "key": "` + nothing + `"}}`, "reading redis tls key: open " + nothing},
		{"key of another", `{"tls": {"certificate": "` + c.Certificate + `", "key": "` + redistest.NewCertificates(t).Key + `"}}`, "does not match"},
		{"placeholder for nothing", `{"password": "{env.LOCKOUT_TEST_UNSET}"}`, "resolving redis password"},
		{"second address for nothing", `{"mode": "cluster", "address": ["a:1", "{env.LOCKOUT_TEST_UNSET}"]}`, "resolving redis address 2"},
		{"file for nothing", `{"tls": {"ca": "{env.LOCKOUT_TEST_UNSET}"}}`, "resolving redis tls ca"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := new(Redis)
			if err := json.Unmarshal([]byte(tt.settings), r); err != nil {
				t.Fatal(err)
			}
			before := *r
			if _, err := r.resolve(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if !reflect.DeepEqual(before, *r) {
				t.Error("the settings were changed")
			}
		})
	}
}

func TestAddressesInJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Addresses{`"a:1"`: {"a:1"}, `["a:1","b:2"]`: {"a:1", "b:2"}} {
		var got Addresses
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	for _, text := range []string{`1`, `[1]`, `{}`, `true`} {
		if err := json.Unmarshal([]byte(text), new(Addresses)); err == nil {
			t.Errorf("%s is no address", text)
		}
	}
}

func TestPlaceholdersOfRedis(t *testing.T) {
	t.Parallel()
	c := redistest.NewCertificates(t)
	name := filepath.Join(t.TempDir(), "name")
	if err := os.WriteFile(name, []byte("value"), 0o600); err != nil {
		t.Fatal(err)
	}
	value := "{file." + name + "}"
	r := &Redis{
		Mode: "sentinel", Address: Addresses{value + ":1", value + "2:1"}, MasterName: value, SentinelUsername: value,
		SentinelPassword: value, Username: value, Password: value, KeyPrefix: value, TLS: &RedisTLS{CA: c.CA, ServerName: value},
	}
	got, err := r.resolve()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		got.MasterName, got.SentinelUsername, got.SentinelPassword, got.Username, got.Password, got.KeyPrefix, got.TLS.ServerName, got.tls.config.ServerName,
	} {
		if text != "value" {
			t.Errorf("%q was not resolved: %+v", text, got)
		}
	}
	if want := (Addresses{"value:1", "value2:1"}); !reflect.DeepEqual(got.Address, want) {
		t.Errorf("addresses %v", got.Address)
	}
	if r.Address[0] != value+":1" || r.TLS.ServerName != value {
		t.Error("the settings were changed")
	}
}

// Equal settings share a client; a certificate that was renewed makes another.
func TestKeyOfRedis(t *testing.T) {
	t.Parallel()
	c, renewed := redistest.NewCertificates(t), redistest.NewCertificates(t)
	r := &Redis{TLS: &RedisTLS{CA: c.CA}}
	key := func() string {
		resolved, err := r.resolve()
		if err != nil {
			t.Fatal(err)
		}
		return resolved.key()
	}
	first := key()
	if key() != first {
		t.Error("the same settings made another key")
	}
	text, err := os.ReadFile(renewed.CA)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.CA, text, 0o600); err != nil {
		t.Fatal(err)
	}
	second := key()
	if second == first {
		t.Error("a renewed certificate is not taken")
	}
	r.ConfirmLock = 1
	if key() == second {
		t.Error("confirm_lock is not part of the key")
	}
}

func TestHintsNameTheOption(t *testing.T) {
	t.Parallel()
	c := redistest.NewCertificates(t)
	plain := redistest.Start(t, "--user", "app", "on", ">pw", "+@all")
	secure := redistest.Config{TLS: c}.Start(t)
	locked := redistest.Start(t, "--requirepass", "pw")
	sentinel := redistest.StartSentinel(t)
	for _, tt := range []struct {
		name     string
		settings Redis
		want     string
	}{
		{"wrong password", Redis{Address: Addresses{plain.Addr}, Username: "app", Password: "other"}, "username or password is wrong"},
		{"no password", Redis{Address: Addresses{locked.Addr}}, "write username and password"},
		{"no TLS", Redis{Address: Addresses{secure.Addr}}, "that tls is there"},
		{"TLS to a server without", Redis{Address: Addresses{plain.Addr}, TLS: &RedisTLS{}}, "that tls is there"},
		{"wrong authority", Redis{Address: Addresses{secure.Addr}, TLS: &RedisTLS{CA: redistest.NewCertificates(t).CA}}, "compare ca"},
		{"wrong name", Redis{Address: Addresses{secure.Addr}, TLS: &RedisTLS{CA: c.CA, ServerName: "redis.other"}}, "server_name"},
		{"no cluster", Redis{Mode: "cluster", Address: Addresses{plain.Addr}}, "write mode standalone"},
		{"unknown master", Redis{Mode: "sentinel", MasterName: "other", Address: sentinel.SentinelAddrs()}, "compare address and master_name"},
		{"database too high", Redis{Address: Addresses{plain.Addr}, Database: 99}, "`databases`"},
		{"nobody there", Redis{Address: Addresses{"127.0.0.1:1"}}, "that address is right"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.settings.Timeout = 5e9
			r, err := tt.settings.resolve()
			if err != nil {
				t.Fatal(err)
			}
			s := r.open()
			t.Cleanup(func() { _ = s.client.Close() })
			err = s.client.Ping(t.Context()).Err()
			if err == nil {
				t.Fatal("the store answers")
			}
			if hint := hintOf(err); !strings.Contains(hint, tt.want) {
				t.Errorf("%v: hint %q, want %q", err, hint, tt.want)
			}
		})
	}
}
