// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

const formType = "application/x-www-form-urlencoded"

// encodings are the doors that another spelling of a login with fields opens.
// login is its target, user and secret name the fields; more fields follow as
// name and value in turn. prepare is called first, and may add fields (a CSRF
// token); it may be nil. name returns what the account logs in with.
func encodings(login, user, secret string, name func(account) string, prepare func(c *client) (more []string)) []door {
	type fields struct{ name, secret, decoy string }
	var doors []door
	add := func(what string, send func(c *client, f fields, more []string) answer) {
		doors = append(doors, door{name: what, try: func(c *client, a account, value string) answer {
			var more []string
			if prepare != nil {
				more = prepare(c)
			}
			decoy := a
			decoy.Name, decoy.Email = "decoy", "decoy@example.test"
			return send(c, fields{name(a), value, name(decoy)}, more)
		}})
	}
	form := func(c *client, fields ...string) answer { return c.post(login, formType, encodeForm(fields)) }
	query := func(fields ...string) string {
		if strings.Contains(login, "?") {
			return login + "&" + encodeForm(fields)
		}
		return login + "?" + encodeForm(fields)
	}
	object := func(f fields, more []string) string {
		all := map[string]string{user: f.name, secret: f.secret}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		out, _ := json.Marshal(all) // strings can be marshalled
		return string(out)
	}

	add("plain form", func(c *client, f fields, more []string) answer {
		return form(c, append([]string{user, f.name, secret, f.secret}, more...)...)
	})
	add("query of a POST", func(c *client, f fields, more []string) answer {
		return c.post(query(append([]string{user, f.name, secret, f.secret}, more...)...), formType, "")
	})
	add("query of a GET", func(c *client, f fields, more []string) answer {
		return c.get(query(append([]string{user, f.name, secret, f.secret}, more...)...))
	})
	add("name in the query", func(c *client, f fields, more []string) answer {
		return c.post(query(user, f.name), formType, encodeForm(append([]string{secret, f.secret}, more...)))
	})
	add("secret in the query", func(c *client, f fields, more []string) answer {
		return c.post(query(secret, f.secret), formType, encodeForm(append([]string{user, f.name}, more...)))
	})
	add("another name in the query", func(c *client, f fields, more []string) answer {
		return c.post(query(user, f.decoy), formType, encodeForm(append([]string{user, f.name, secret, f.secret}, more...)))
	})
	add("another name in the body", func(c *client, f fields, more []string) answer {
		return c.post(query(user, f.name), formType, encodeForm(append([]string{user, f.decoy, secret, f.secret}, more...)))
	})
	add("another name before", func(c *client, f fields, more []string) answer {
		return form(c, append([]string{user, f.decoy, user, f.name, secret, f.secret}, more...)...)
	})
	add("another name behind", func(c *client, f fields, more []string) answer {
		return form(c, append([]string{user, f.name, secret, f.secret, user, f.decoy}, more...)...)
	})
	add("two secrets", func(c *client, f fields, more []string) answer {
		return form(c, append([]string{user, f.name, secret, "x", secret, f.secret}, more...)...)
	})
	for _, key := range []string{"[]", "[0]", " ", "\x00", ".", "\t"} {
		add(fmt.Sprintf("field %q behind another", user+key), func(c *client, f fields, more []string) answer {
			return form(c, append([]string{user, f.decoy, user + key, f.name, secret, f.secret}, more...)...)
		})
	}
	for _, key := range []string{strings.ToUpper(user), " " + user, user + "[]"} {
		add(fmt.Sprintf("field %q", key), func(c *client, f fields, more []string) answer {
			return form(c, append([]string{key, f.name, secret, f.secret}, more...)...)
		})
	}
	for _, key := range []string{strings.ToUpper(secret), " " + secret, secret + "\x00", secret + "[]", secret + "\x00x"} {
		add(fmt.Sprintf("field %q", key), func(c *client, f fields, more []string) answer {
			return form(c, append([]string{user, f.name, key, f.secret}, more...)...)
		})
		add(fmt.Sprintf("field %q behind another", key), func(c *client, f fields, more []string) answer {
			return form(c, append([]string{user, f.name, secret, "x", key, f.secret}, more...)...)
		})
	}
	add("escaped field", func(c *client, f fields, more []string) answer {
		body := fmt.Sprintf("%%%02x%s=", user[0], user[1:])
		return c.post(login, formType, body+encodeForm(append([]string{"", f.name, secret, f.secret}, more...))[1:])
	})
	add("semicolons", func(c *client, f fields, more []string) answer {
		return c.post(login, formType, strings.ReplaceAll(encodeForm(append([]string{user, f.name, secret, f.secret}, more...)), "&", ";"))
	})
	add("multipart", func(c *client, f fields, more []string) answer {
		return c.post(login, multipartType, multipart(append([]string{user, f.name, secret, f.secret}, more...)))
	})
	add("multipart with another name", func(c *client, f fields, more []string) answer {
		return c.post(login, multipartType, multipart(append([]string{user, f.decoy, user, f.name, secret, f.secret}, more...)))
	})
	for _, kind := range []string{"application/json", "text/plain", formType, "application/vnd.api+json", "application/json; charset=utf-16"} {
		add("JSON as "+kind, func(c *client, f fields, more []string) answer {
			return c.post(login, kind, object(f, more))
		})
	}
	for _, kind := range []string{"text/plain", "application/json", "", formType + "; charset=utf-16", formType + ";charset=utf-7", "APPLICATION/X-WWW-FORM-URLENCODED", formType + ", application/json"} {
		add("form as "+kind, func(c *client, f fields, more []string) answer {
			return c.post(login, kind, encodeForm(append([]string{user, f.name, secret, f.secret}, more...)))
		})
	}
	add("UTF-16", func(c *client, f fields, more []string) answer {
		var out bytes.Buffer
		for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(object(f, more)))...) {
			out.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		return c.post(login, "application/json", out.String())
	})
	for _, kind := range []string{formType, "application/json"} {
		add("gzip of "+kind, func(c *client, f fields, more []string) answer {
			body := object(f, more)
			if kind == formType {
				body = encodeForm(append([]string{user, f.name, secret, f.secret}, more...))
			}
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			_, _ = w.Write([]byte(body))
			_ = w.Close() // into memory
			return c.post(login, kind, out.String(), "Content-Encoding", "gzip")
		})
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "GET", "LOGIN"} {
		add(method, func(c *client, f fields, more []string) answer {
			body := encodeForm(append([]string{user, f.name, secret, f.secret}, more...))
			return c.do(c.request(method, login, body, "Content-Type", formType))
		})
		if method != "PUT" && method != "GET" {
			continue // the other ones are overridden in the same way
		}
		add("override "+method, func(c *client, f fields, more []string) answer {
			body := encodeForm(append([]string{user, f.name, secret, f.secret, "_method", method}, more...))
			return c.post(login, formType, body, "X-HTTP-Method-Override", method)
		})
	}
	add("1,001 fields before", func(c *client, f fields, more []string) answer {
		var all []string
		for i := range 1001 {
			all = append(all, fmt.Sprint("x", i), "")
		}
		return form(c, append(append(all, user, f.name, secret, f.secret), more...)...)
	})
	add("100 KB before", func(c *client, f fields, more []string) answer {
		return form(c, append([]string{"x", strings.Repeat("x", 100_000), user, f.name, secret, f.secret}, more...)...)
	})
	return doors
}

const (
	boundary      = "lockout-1865-boundary"
	multipartType = "multipart/form-data; boundary=" + boundary
)

func multipart(fields []string) string {
	var out strings.Builder
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(&out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, fields[i], fields[i+1])
	}
	return out.String() + "--" + boundary + "--\r\n"
}
