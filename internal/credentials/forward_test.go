// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-lockout/caddy-lockout/internal/credentials"
)

func forwarded(tb testing.TB, l *credentials.Login, user string) string {
	tb.Helper()
	body, refusal := l.Forward(user)
	if refusal != nil {
		tb.Fatal(refusal)
	}
	return body
}

// A body of the largest size goes on, unless encoding makes it larger.
func TestForwardSize(t *testing.T) {
	t.Parallel()
	const limit = 100
	rule := newRule(t, credentials.LoginConfig{Form: true, User: field("username"), Secret: field("password"), MaxBytes: limit})
	const body = "username=alice&password=x&a="
	for name, tc := range map[string]struct {
		pad  string
		fits bool
	}{
		"plain":        {strings.Repeat("a", limit-len(body)), true},
		"raw letters":  {strings.Repeat("\u00e9", 13), false},
		"fewer":        {strings.Repeat("\u00e9", 12), true},
		"small pieces": {strings.Repeat("&\u00e9", 20), false},
	} {
		login, err := rule.Read(post(formType, body+tc.pad), "/login")
		if err != nil {
			t.Fatal(err)
		}
		out, refusal := login.Forward(login.User)
		if fits := refusal == nil && len(out) <= limit; fits != tc.fits {
			t.Errorf("%s: %d bytes, %v", name, len(out), refusal)
		}
		if refusal != nil && refusal.Reason != credentials.ReasonTooLarge {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

func TestForward(t *testing.T) {
	t.Parallel()
	both := credentials.LoginConfig{Form: true, JSON: true, User: append(field("username"), field("email")...), Secret: field("password")}
	verbatim := both
	verbatim.Verbatim = true
	nested := credentials.LoginConfig{JSON: true, User: field("user.name"), Secret: field("user.secret.text")}
	for _, tc := range []struct {
		name     string
		config   credentials.LoginConfig
		media    string
		in, want string
	}{
		{"form of a browser", both, formType, "csrf=a%2Bb%3D&username=jos%C3%A9%40example.test&password=p+%26+q&go=", ""},
		{"needless escapes", both, formType, "%75sername=%61lice&password=%78", "username=alice&password=x"},
		{"lower-case escapes", both, formType, "username=a%2fb&password=%c3%a9", "username=a%2Fb&password=%C3%A9"},
		{"raw characters", both, formType, "username=jos\u00e9&password=p:/?@!'()~", "username=jos%C3%A9&password=p%3A%2F%3F%40%21%27%28%29%7E"},
		{"blank as %20", both, formType, "username=a%20b&password=x", "username=a+b&password=x"},
		{"equals sign in a value", both, formType, "username=a&password=b=c", "username=a&password=b%3Dc"},
		{"order, doubles and keys without a value stay", both, formType, "z=2&a&z=1&username=a&=v&password=b&b[c]=1", "z=2&a&z=1&username=a&=v&password=b&b%5Bc%5D=1"},
		{"empty pairs go", both, formType, "&username=a&&password=b&", "username=a&password=b"},
		{"line breaks in another value stay", both, formType, "note=a%0d%0ab&username=a&password=b", "note=a%0D%0Ab&username=a&password=b"},
		{"alternative", both, formType, "%65mail=a&password=b", "email=a&password=b"},
		{"JSON without escapes", both, jsonType, `{"a": 1e3 ,"username":"alice", "password":"x/y é"}`, ""},
		{"JSON escapes", both, jsonType, `{"user\u006eame":"\u0061lice", "password":"x\/\u00e9"}`, `{"username":"alice", "password":"x/é"}`},
		{"JSON needed escapes", both, jsonType, `{"username":"CORP\u005calice","password":"\"\u0022\\"}`, `{"username":"CORP\\alice","password":"\"\"\\"}`},
		{"JSON, other members stay as bytes", both, jsonType, "{\"\\u0061\" : [1.0, \"\\/\\u0061\"],\n\t\"username\":\"a\",\"password\":\"b\",\"z\":1E+2}", ""},
		{"JSON, blanks around go", both, jsonType, "\r\n {\"username\":\"a\",\"password\":\"b\"}\t\n", `{"username":"a","password":"b"}`},
		{"JSON nested", nested, jsonType, `{"us\u0065r":{"x":"\u0061","s\u0065cret":{"t\u0065xt":"\u0062"},"name":"\u0061"}}`, `{"user":{"x":"\u0061","secret":{"text":"b"},"name":"a"}}`},
		{"form, off", verbatim, formType, "%75sername=%61lice&&password=%78", ""},
		{"JSON, off", verbatim, jsonType, " {\"username\":\"\\u0061lice\",\"password\":\"x\"} ", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.want == "" {
				tc.want = tc.in
			}
			rule := newRule(t, tc.config)
			login, err := rule.Read(post(tc.media, tc.in), "/login")
			if err != nil {
				t.Fatal(err)
			}
			if got := forwarded(t, login, login.User); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			again, err := rule.Read(post(tc.media, tc.want), "/login")
			if err != nil || again.User != login.User || again.Secret != login.Secret {
				t.Errorf("read again: %+v, %v", again, err)
			}
		})
	}
}

func TestForwardAnotherName(t *testing.T) {
	t.Parallel()
	for media, bodies := range map[string][2]string{
		formType: {"username=Al+Ice%22&password=x&u=username", "username=%22al+ice%22&password=x&u=username"},
		jsonType: {`{"username":"Al Ice\"","password":"x"}`, `{"username":"\"al ice\"","password":"x"}`},
	} {
		login, err := loginRule(t).Read(post(media, bodies[0]), "/login")
		if err != nil {
			t.Fatal(err)
		}
		if got := forwarded(t, login, `"al ice"`); got != bodies[1] {
			t.Errorf("got %s, want %s", got, bodies[1])
		}
	}
}

func TestReadSignedBody(t *testing.T) {
	t.Parallel()
	on := credentials.LoginConfig{Form: true, Multipart: true, Gzip: true, User: field("username"), Secret: field("password")}
	off := on
	off.Verbatim = true
	const form = "username=alice&password=x"
	multi := parts(named("username", "alice"), named("password", "x"))
	for _, name := range []string{"Digest", "Content-Digest", "Repr-Digest", "Content-MD5", "Signature", "Signature-Input"} {
		signed := func(contentType, body string) *http.Request {
			r := post(contentType, body)
			r.Header.Set(name, "x")
			return r
		}
		packed := signed(formType, compress(t, form))
		packed.Header.Set("Content-Encoding", "gzip")
		trailer := post(formType, form)
		trailer.Trailer = http.Header{name: nil}
		for _, tc := range []struct {
			what   string
			config credentials.LoginConfig
			r      *http.Request
			want   string
		}{
			{"encoded anew", on, signed(formType, form), "signed_body"},
			{"in a trailer", on, trailer, "signed_body"},
			{"as it was", off, signed(formType, form), "alice:x"},
			{"multipart", on, signed(multipartType, multi), "alice:x"},
			{"decoded", off, packed, "signed_body"},
		} {
			if got := outcome(t, newRule(t, tc.config), tc.r); got != tc.want {
				t.Errorf("%s, %s: got %s, want %s", name, tc.what, got, tc.want)
			}
		}
	}
}

// A refusal says which rule refused and never what the client sent.
func TestRefusalsEchoNothing(t *testing.T) {
	t.Parallel()
	const needle = "n33dle"
	for media, bodies := range map[string][]string{
		formType: {needle + "=%zz", "username=" + needle + "&username=b", "username=" + needle + "%00", needle + ";", "username=" + needle},
		jsonType: {`{"` + needle, `{"username":["` + needle + `"]}`, `{"username":"` + needle + `","Username":""}`, `[` + needle + `]`},
	} {
		for _, body := range bodies {
			_, err := loginRule(t).Read(post(media, body), "/login")
			var refusal *credentials.Refusal
			if !errors.As(err, &refusal) || strings.Contains(err.Error(), needle) || refusal.Reason == "" {
				t.Errorf("%s: %v", body, err)
			}
		}
	}
}

// BenchmarkLogin is what a form or JSON login of about 200 bytes costs from the
// first byte read to the body that goes on.
func BenchmarkLogin(b *testing.B) {
	names := credentials.NewNames()
	pad := strings.Repeat("0123456789abcdef", 6)
	for name, r := range map[string]*http.Request{
		"form": post(formType, "csrf="+pad+"&next=%2Fhome&username=alice%40example.test&password=correct+horse+battery&remember=1&lang=en&tz=60"),
		"json": post(jsonType, `{"csrf":"`+pad+`","next":"/home","username":"alice@example.test","password":"correct horse battery","remember":true}`),
	} {
		body, _ := io.ReadAll(r.Body)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(body)), "B/body")
			rule := loginRule(b)
			reader := strings.NewReader("")
			r.Body = io.NopCloser(reader)
			for b.Loop() {
				reader.Reset(string(body))
				login, err := rule.Read(r, "/login")
				if err != nil {
					b.Fatal(err)
				}
				if _, refusal := names.Canonical(login.User); refusal != nil {
					b.Fatal(refusal)
				}
				if body, refusal := login.Forward(login.User); refusal != nil || len(body) == 0 {
					b.Fatal("no body")
				}
			}
		})
	}
}
