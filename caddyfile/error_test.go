// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package caddyfile

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// global, site and step put lines where they belong. Their first line is line
// 3, 3 and 8.
func global(lines string) string { return "{\n\tlockout {\n" + lines + "\n\t}\n}\n" }
func site(lines string) string   { return "example.com {\n\tlockout {\n" + lines + "\n\t}\n}\n" }
func step(lines string) string {
	return site("step password {\nmatch path /login\nuser field u\nsecret field p\nsuccess status 200\n" + lines + "\n}")
}

// fullStep is a step without mistakes, in one string.
const fullStep = "step password {\nmatch path /login\nuser field u\nsecret field p\nsuccess status 200\n}\n"

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, input, want, line string
	}{
		// The global option.
		{"global: unknown", global("redi {\n}"), `lockout: unknown subdirective "redi"; allowed: redis, instance, default_policy, on_store_error, deny_cache, attempt_timeout, reservation_ttl, counter_ttl, names, organization, mode`, "3"},
		{"global: no block", "{\n\tlockout\n}\n", "lockout: a block must open at the end of this line", "2"},
		{"global: argument", "{\n\tlockout x {\n\t}\n}\n", `lockout: unexpected "x" before the block`, "2"},
		{"global: twice", "{\n\tlockout {\n\t}\n\tlockout {\n\t}\n}\n", "global option lockout is already specified", "4"},
		{"instance: none", global("instance"), "instance: wrong number of arguments: got 0, want <text>", "3"},
		{"instance: two", global("instance a b"), "instance: wrong number of arguments: got 2, want <text>", "3"},
		{"instance: empty", global(`instance ""`), "instance: <text> is empty", "3"},
		{"instance: twice", global("instance a\ninstance b"), `lockout: "instance" is already specified at line 3`, "4"},
		{"instance: block", global("instance a {\n}"), `lockout: "instance" takes no block`, "3"},
		{"deny_cache: negative", global("deny_cache -1s"), `deny_cache "-1s": want a duration above 0 and up to ten years`, "3"},
		{"deny_cache: word", global("deny_cache never"), `deny_cache "never": want a duration such as 100ms, 30s or 30d`, "3"},
		{"on_store_error: unknown", global("on_store_error deny"), `on_store_error: unknown "deny"; allowed: closed, open, local`, "3"},
		{"mode: shadow", global("mode shadow"), `mode: "shadow" is not supported yet; so far: enforce`, "3"},
		{"mode: unknown", global("mode off"), `mode: unknown "off"; allowed: enforce`, "3"},
		{"mode: twice", global("mode enforce\nmode enforce"), `"mode" is already specified at line 3`, "4"},
		{"duration: none", global("attempt_timeout"), "attempt_timeout: wrong number of arguments: got 0, want <duration>", "3"},
		{"duration: no unit", global("attempt_timeout 30"), `attempt_timeout "30": want a duration such as 100ms, 30s or 30d`, "3"},
		{"duration: zero", global("reservation_ttl 0s"), `reservation_ttl "0s": want a duration above 0`, "3"},
		{"duration: negative", global("counter_ttl -1s"), `counter_ttl "-1s": want a duration above 0`, "3"},
		{"duration: too long", global("counter_ttl 4000d"), `counter_ttl "4000d": want a duration above 0 and up to ten years`, "3"},
		{"duration: beyond all", global("counter_ttl 999999999d"), `counter_ttl "999999999d": want a duration`, "3"},
		{"policy: unknown", global("default_policy {\nmax_attempts 1\n}"), `default_policy: unknown subdirective "max_attempts"; allowed: max_password_attempts, max_otp_attempts`, "4"},
		{"policy: no block", global("default_policy"), "default_policy: a block must open at the end of this line; allowed in it: max_password_attempts", "3"},
		{"policy: -1", global("default_policy {\nmax_password_attempts -1\n}"), `max_password_attempts "-1": want a whole number from 0 to 4294967295`, "4"},
		{"policy: +1", global("default_policy {\nmax_password_attempts +1\n}"), `max_password_attempts "+1": want a whole number`, "4"},
		{"policy: 1.5", global("default_policy {\nmax_password_attempts 1.5\n}"), `max_password_attempts "1.5": want a whole number`, "4"},
		{"policy: 1e3", global("default_policy {\nmax_password_attempts 1e3\n}"), `max_password_attempts "1e3": want a whole number`, "4"},
		{"policy: 2^32", global("default_policy {\n\nmax_otp_attempts 4294967296\n}"), `max_otp_attempts "4294967296": want a whole number from 0 to 4294967295`, "5"},
		{"policy: 2^64", global("default_policy {\nmax_otp_attempts 18446744073709551616\n}"), `want a whole number from 0 to 4294967295`, "4"},
		{"policy: twice", global("default_policy {\n}\ndefault_policy {\n}"), `"default_policy" is already specified at line 3`, "5"},
		{"policy: behind the block", global("default_policy {\nmax_otp_attempts 1\n} mode enforce"), `default_policy: unknown subdirective "mode"`, "5"},

		// Names.
		{"names: unknown", global("names {\nfold\n}"), `names: unknown subdirective "fold"; allowed: keep_case, ignore_accents, strip_domain, strip_plus_tags, underscore_is_blank, strip_trailing_dots, alias, alias_file`, "4"},
		{"names: argument", global("names {\nkeep_case yes\n}"), "keep_case: wrong number of arguments: got 1, want none", "4"},
		{"names: no domain", global("names {\nstrip_domain\n}"), "strip_domain: wrong number of arguments: got 0, want <domain...>", "4"},
		{"names: bad domain", global("names {\nstrip_domain a@b\n}"), `strip_domain "a@b": want a domain such as CORP or example.com, or *`, "4"},
		{"names: alias of one", global("names {\nalias a\n}"), "alias: wrong number of arguments: got 1, want <alias> <name>", "4"},
		{"names: alias twice", global("names {\nalias a b\nalias a c\n}"), `alias: "a" is given twice`, "5"},
		{"names: twice", global("names {\n}\nnames {\n}"), `"names" is already specified at line 3`, "5"},
		{"organization: no id", global("organization {\n}"), `organization: want an id, and a block behind it`, "3"},
		{"organization: twice", global("organization a {\n}\norganization a {\n}"), `organization: "a" is given twice`, "5"},
		{"organization: unknown", global("organization a {\npolicy\n}"), `organization: unknown subdirective "policy"; allowed: names`, "4"},

		// Redis.
		{"redis: unknown", global("redis {\nhost a\n}"), `redis: unknown subdirective "host"; allowed: mode, address, master_name, sentinel_username, sentinel_password, username, password, key_prefix, database, timeout, pool_size, tls, confirm_lock`, "4"},
		{"redis: argument", global("redis 127.0.0.1:6379 {\n}"), `redis: unexpected "127.0.0.1:6379" before the block`, "3"},
		{"redis: no block", global("redis"), "redis: a block must open at the end of this line", "3"},
		{"redis: unknown mode", global("redis {\nmode single\n}"), `mode: unknown "single"; allowed: standalone, sentinel, cluster`, "4"},
		{"redis: address without port", global("redis {\naddress localhost\n}"), `address "localhost": want <host>:<port>`, "4"},
		{"redis: address without host", global("redis {\naddress :6379\n}"), `address ":6379": want <host>:<port>`, "4"},
		{"redis: address as URL", global("redis {\naddress redis://localhost:6379\n}"), `want <host>:<port>`, "4"},
		{"redis: port 0", global("redis {\naddress localhost:0\n}"), `address "localhost:0": the port must be a number from 1 to 65535`, "4"},
		{"redis: named port", global("redis {\naddress localhost:redis\n}"), `the port must be a number`, "4"},
		{"redis: address none", global("redis {\naddress\n}"), "address: wrong number of arguments: got 0, want <host>:<port>", "4"},
		{"redis: second address without port", global("redis {\nmode cluster\naddress a:1 b\n}"), `address "b": want <host>:<port>`, "5"},
		{"redis: same address", global("redis {\nmode cluster\naddress a:1 a:1\n}"), `address: "a:1" is given twice`, "5"},
		{"redis: two addresses", global("redis {\naddress a:1 b:2\n}"), "mode standalone takes one address, got 2; write mode cluster if they are nodes of a Redis Cluster, mode sentinel if they are Sentinels", "3"},
		{"redis: cluster without address", global("redis {\nmode cluster\n}"), "mode cluster needs address with host:port of some nodes", "3"},
		{"redis: cluster with database", global("redis {\nmode cluster\naddress a:1\ndatabase 1\n}"), "mode cluster has only database 0; remove database", "3"},
		{"redis: cluster with master_name", global("redis {\nmode cluster\naddress a:1\nmaster_name m\n}"), "master_name, sentinel_username and sentinel_password are for mode sentinel", "3"},
		{"redis: sentinel_password without sentinel", global("redis {\nsentinel_password p\n}"), "write mode sentinel or remove them", "3"},
		{"redis: sentinel without master_name", global("redis {\nmode sentinel\naddress a:1\n}"), "mode sentinel needs master_name, the name after `sentinel monitor`", "3"},
		{"redis: sentinel without address", global("redis {\nmode sentinel\nmaster_name m\n}"), "mode sentinel needs address with host:port of the Sentinels", "3"},
		{"redis: sentinel_username alone", global("redis {\nmode sentinel\nmaster_name m\naddress a:1\nsentinel_username u\n}"), "sentinel_username needs sentinel_password", "3"},
		{"redis: username alone", global("redis {\nusername u\n}"), "username needs password", "3"},
		{"redis: pool_size 0", global("redis {\npool_size 0\n}"), `pool_size "0": want a whole number from 1 to 10000`, "4"},
		{"redis: confirm_lock alone", global("redis {\nconfirm_lock\n}"), "confirm_lock: wrong number of arguments: got 0, want wait <replicas>", "4"},
		{"redis: confirm_lock all", global("redis {\nconfirm_lock all 1\n}"), `confirm_lock: unknown "all"; want wait <replicas>`, "4"},
		{"redis: confirm_lock wait 0", global("redis {\nconfirm_lock wait 0\n}"), `confirm_lock wait "0": want a whole number from 1 to 100`, "4"},
		{"redis: tls without block", global("redis {\ntls\n}"), "tls: a block must open at the end of this line; allowed in it: ca, certificate, server_name, insecure_skip_verify", "4"},
		{"redis: tls unknown", global("redis {\ntls {\ncert a\n}\n}"), `tls: unknown subdirective "cert"`, "5"},
		{"redis: tls certificate without key", global("redis {\ntls {\ncertificate a\n}\n}"), "certificate: wrong number of arguments: got 1, want <certificate file> <key file>", "5"},
		{"redis: tls insecure with argument", global("redis {\ntls {\ninsecure_skip_verify yes\n}\n}"), "insecure_skip_verify: wrong number of arguments: got 1, want none", "5"},
		{"redis: tls insecure with ca", global("redis {\ntls {\nca a\ninsecure_skip_verify\n}\n}"), "insecure_skip_verify looks at no certificate; remove it, or remove ca and server_name", "3"},
		{"redis: address twice", global("redis {\naddress a:1\naddress b:2\n}"), `redis: "address" is already specified at line 4`, "5"},
		{"redis: database", global("redis {\ndatabase x\n}"), `database "x": want a whole number from 0 to 2147483647`, "4"},
		{"redis: password with a blank", global("redis {\npassword a b\n}"), "password: wrong number of arguments: got 2", "4"},
		{"redis: timeout", global("redis {\ntimeout soon\n}"), `timeout "soon": want a duration`, "4"},

		// The directive of a site.
		{"site: path matcher", "example.com {\n\tlockout /login {\n\t}\n}", `lockout takes no matcher, got "/login": it must see every request of the site, because Caddy's matchers miss spellings of a path such as /login/ and /login%2f and would let them through uncounted; name the paths with match inside the step`, "2"},
		{"site: named matcher", "example.com {\n\t@login path /login\n\tlockout @login {\n\t}\n}", `lockout takes no matcher, got "@login"`, "3"},
		{"site: preset", "example.com {\n\tlockout wordpress\n}", `lockout: unexpected "wordpress": presets are not supported yet`, "2"},
		{"site: no block", "example.com {\n\tlockout\n}", "lockout: a block must open at the end of this line; allowed in it: step, guard, pass, deny, org, on_locked, deny_delay, queue, max_body", "2"},
		{"site: star and more", "example.com {\n\tlockout * x {\n\t}\n}", `lockout: unexpected "x" before the block`, "2"},
		{"site: empty block", "example.com {\n\tlockout {\n\t}\n}", "lockout: no step: without one nothing is counted", "2"},
		{"site: unknown", site("steps {\n}"), `lockout: unknown subdirective "steps"; allowed: step, guard, pass, deny, org, on_locked, deny_delay, queue, max_body`, "3"},
		{"site: org twice", site("org a\norg b"), `lockout: "org" is already specified at line 3`, "4"},
		{"site: org none", site("org"), "org: wrong number of arguments: got 0", "3"},
		{"site: on_locked respond 500", site("on_locked respond {\nstatus 500\n}"), `status "500": want a whole number from 200 to 499`, "4"},
		{"site: on_locked redirect", site("on_locked redirect"), "redirect: wrong number of arguments: got 0, want <url> [<status>]", "3"},
		{"site: on_locked echoes", site("on_locked redirect /a?{query}"), "{http.request.uri.query} could echo what the client sent", "3"},
		{"site: deny_delay", site("deny_delay 1"), `deny_delay "1": want a duration such as`, "3"},
		{"site: on_locked 200", site("on_locked 200"), `on_locked "200": want a whole number from 400 to 499`, "3"},
		{"site: on_locked 4xx", site("on_locked 4xx"), `on_locked "4xx": want a whole number`, "3"},
		{"site: queue of one", site("queue 256"), "queue: wrong number of arguments: got 1, want <size> <duration>", "3"},
		{"site: queue of three", site("queue 256 30s 1"), "queue: wrong number of arguments: got 3", "3"},
		{"site: queue 0", site("queue 0 30s"), `queue "0": want a whole number from 1 to 2147483647`, "3"},
		{"site: queue wait", site("queue 256 30"), `queue "30": want a duration`, "3"},
		{"site: max_body", site("max_body big"), `max_body "big": want a size such as 64KiB`, "3"},
		{"site: max_body 0", site("max_body 0"), `max_body "0": want a size above 0 and up to 1GiB`, "3"},
		{"site: max_body too big", site("max_body 2GiB"), `max_body "2GiB": want a size above 0 and up to 1GiB`, "3"},
		{"site: max_body beyond all", site("max_body 99999999999999999999TB"), `want a size`, "3"},

		// A step.
		{"step: no kind", site("step {\n}"), "step: wrong number of arguments: got 0, want <password|totp|otp_sms|otp_email|recovery_code|otp>", "3"},
		{"step: totp by basic", site("step totp {\nuser basic\nsuccess status 200\n}"), "step totp: `user basic` holds a password", "3"},
		{"otp: no factor", site("step otp {\nmatch path /a\nuser field u\nsecret field c\nsuccess status 200\n}"), "step otp: no factor: add `factor field <name>`", "3"},
		{"factor: step totp", site("step totp {\nfactor field type {\na totp\n}\n}"), "step totp: it counts this factor: remove factor", "3"},
		{"factor: nothing", site("step otp {\nfactor\n}"), "factor: wrong number of arguments: got 0, want field <name>", "4"},
		{"factor: query", site("step otp {\nfactor query type {\n}\n}"), `factor: unknown "query"; allowed: field`, "4"},
		{"factor: no name", site("step otp {\nfactor field {\n}\n}"), "factor: field needs a name", "4"},
		{"factor: bad name", site("step otp {\nfactor field a%62 {\n}\n}"), `factor: field "a%62" is empty, too long or holds characters`, "4"},
		{"factor: no block", site("step otp {\nfactor field type\n}"), "factor: no value: open a block with lines `<value> <factor>`", "4"},
		{"factor: more", site("step otp {\nfactor field type x {\n}\n}"), `factor: unexpected "x" before the block`, "4"},
		{"factor: no meaning", site("step otp {\nfactor field type {\nsms\n}\n}"), "sms: wrong number of arguments: got 0, want <totp|otp_sms|otp_email|recovery_code>", "5"},
		{"factor: password", site("step otp {\nfactor field type {\npw password\n}\n}"), `pw: unknown "password"; allowed: totp, otp_sms, otp_email, recovery_code`, "5"},
		{"factor: twice", site("step otp {\nfactor field type {\na totp\na otp_sms\n}\n}"), `factor: "a" is given twice`, "6"},
		{"step: identify", site("step identify {\n}"), `step: "identify" is not supported yet`, "3"},
		{"step: unknown kind", site("step login {\n}"), `step: unknown "login"; allowed: password`, "3"},
		{"step: two kinds", site("step password totp {\n}"), `step: unexpected "totp" before the block`, "3"},
		{"step: no block", site("step password"), "step: a block must open at the end of this line", "3"},
		{"step: unknown", step("sucess status 200"), `step: unknown subdirective "sucess"; allowed: factor, match, accept, user, secret, decode, user_pattern, canonical_forward, forward_normalized, success, pending, failure, neutral`, "8"},
		{"step: no user", site("step password {\nmatch path /l\nsecret field p\nsuccess status 200\n}"), "step: no user: add `user field <name>` or `user basic`", "3"},
		{"step: no secret", site("step password {\nmatch path /l\nuser field u\nsuccess status 200\n}"), "step: no secret: add `secret field <name>`", "3"},
		{"step: no path", site("step password {\nmatch method POST\nuser field u\nsecret field p\nsuccess status 200\n}"), "step: no path: add `match path <path...>`", "3"},
		{"step: no success", site("org a\nstep password {\nmatch path /l\nuser field u\nsecret field p\nfailure status 401\n}"), "step: no success: say with `success <condition>`", "4"},
		{"step: basic with secret", site("step password {\nuser basic\nsecret field p\nsuccess status 200\n}"), "step: `user basic` holds the secret as well: remove secret", "3"},
		{"step: basic with accept", site("step password {\nuser basic\naccept form\nsuccess status 200\n}"), "step: `user basic` reads no body: remove accept", "3"},
		{"step: mistake in the second", site(fullStep + "step password {\nuser basic\n}"), "step: no success", "9"},
		{"match: none", step("match"), "match: a block must open at the end of this line; allowed in it: method, path, path_regexp, header, field, has", "8"},
		{"match: unknown", step("match host a"), `match: unknown "host"; allowed: method, path, path_regexp, header, field, has`, "8"},
		{"match: bad path_regexp", step("match path_regexp ("), `step: match path_regexp: correct the regular expression`, "3"},
		{"match: field without value", step("match field a"), `field: wrong number of arguments: got 1, want <name> <value...>`, "8"},
		{"match: has nothing", step("match has"), `has: wrong number of arguments: got 0, want <name...>`, "8"},
		{"match: header without value", step("match header A"), `header: wrong number of arguments: got 1, want <field> <value>`, "8"},
		{"guard: none", site("guard"), "guard: wrong number of arguments: got 0, want <path...>", "3"},
		{"guard: no path", site("guard login"), `path "login": want a path that begins with /`, "3"},
		{"pass: empty", site("pass {\n}"), "pass: it matches every request, add match", "3"},
		{"pass: no block", site("pass /a"), `pass: unexpected "/a" before the block`, "3"},
		{"deny: unknown", site("deny {\npath /a\n}"), `deny: unknown subdirective "path"; allowed: match`, "4"},
		{"deny: bad header", site("deny {\nmatch header Upgrade a*b\n}"), "write * only at the ends of the value", "3"},
		{"match: unknown in block", step("match {\nhost a\n}"), `match: unknown subdirective "host"; allowed: method, path, path_regexp, header, field, has`, "9"},
		{"match: path twice", step("match path /b"), `match: "path" is already specified: name all in one line`, "8"},
		{"match: path twice in block", step("match {\nmethod POST\nmethod PUT\n}"), `match: "method" is already specified at line 9`, "10"},
		{"match: path without slash", site("step password {\nmatch path login\n}"), `path "login": want a path that begins with / and has a * at most at its end`, "4"},
		{"match: path with a star inside", site("step password {\nmatch path /a*/b\n}"), `path "/a*/b": want a path`, "4"},
		{"match: same path twice", site("step password {\nmatch path /a /a\n}"), `path: "/a" is given twice`, "4"},
		{"match: no path given", site("step password {\nmatch path\n}"), "path: wrong number of arguments: got 0, want <path...>", "4"},
		{"match: method in small letters", step("match method post"), `method "post": want a method in capitals such as POST`, "8"},
		{"match: path with block", site("step password {\nmatch path /a {\n}\n}"), `step: "match" takes no block`, "4"},
		{"accept: none", step("accept"), "accept: wrong number of arguments: got 0, want form|json|multipart...", "8"},
		{"accept: unknown", step("accept xml"), `accept: unknown "xml"; allowed: form, json, multipart`, "8"},
		{"accept: twice the same", step("accept form form"), `accept: "form" is given twice`, "8"},
		{"accept: twice", step("accept form\naccept json"), `step: "accept" is already specified at line 8`, "9"},
		{"user: twice", step("user field v"), `step: "user" is already specified at line 5`, "8"},
		{"user: none", site("step password {\nuser\n}"), "user: no place; allowed: field, query, header, cookie, path, basic", "4"},
		{"user: field without name", site("step password {\nuser field\n}"), "user: field needs a name", "4"},
		{"user: field with two names", site("step password {\nuser field a b\n}"), `user: unexpected "b": separate places with |`, "4"},
		{"user: field with empty name", site("step password {\nuser field \"\"\n}"), "user: the name behind field is empty", "4"},
		{"user: basic with name", site("step password {\nuser basic a\n}"), `user: unexpected "a": separate places with |`, "4"},
		{"user: planned", site("step password {\nuser bound x\n}"), `user: "bound" is not supported yet; so far: field, query, header, cookie, path, basic`, "4"},
		{"user: unknown", site("step password {\nuser username\n}"), `user: unknown "username"; allowed: field, query, header, cookie, path, basic`, "4"},
		{"secret: basic", site("step password {\nsecret basic\n}"), `secret: unknown "basic"; allowed: field, query, header, cookie`, "4"},
		{"user: alternative without kind", site("step password {\nuser field a | b\n}"), `user: unknown "b"; allowed: field,`, "4"},
		{"user: alternative missing", site("step password {\nuser field a |\n}"), "user: no place; allowed: field,", "4"},
		{"user: name missing before |", site("step password {\nuser field | field b\n}"), "user: field needs a name", "4"},
		{"user: basic and another", site("step password {\nuser basic | field b\n}"), "user: basic has no alternatives: write a step for each", "4"},
		{"user: another and basic", site("step password {\nuser field b | basic\n}"), "user: basic is no alternative: write a step for each", "4"},
		{"user: reserved header", site("step password {\nuser header Cookie\n}"), `user: header "Cookie" has another meaning to a server or proxy`, "4"},
		{"user: segment 0", site("step password {\nuser path 0\n}"), `user: path "0" is not the number of a segment from 1 to 60`, "4"},
		{"user: bad field", site("step password {\nuser field a%62\n}"), `user: field "a%62" is empty, too long or holds characters that have more than one spelling`, "4"},
		{"secret: path", site("step password {\nsecret path 1\n}"), `secret: unknown "path"; allowed: field, query, header, cookie`, "4"},
		{"decode: unknown", step("decode br"), `decode: unknown "br"; allowed: gzip`, "8"},
		{"decode: none", step("decode"), "decode: wrong number of arguments: got 0, want <gzip>", "8"},
		{"canonical_forward: unknown", step("canonical_forward no"), `canonical_forward: unknown "no"; allowed: on, off`, "8"},
		{"forward_normalized: argument", step("forward_normalized on"), "forward_normalized: wrong number of arguments: got 1, want none", "8"},
		{"user_pattern: two", step("user_pattern a b"), "user_pattern: wrong number of arguments: got 2, want <text>", "8"},
		{"step: basic with decode", site("step password {\nuser basic\ndecode gzip\nsuccess status 200\n}"), "step: `user basic` reads no body: remove decode, canonical_forward and forward_normalized", "3"},

		// Outcomes.
		{"outcome: no condition", step("failure"), "failure: no condition; allowed: status, header, header_regexp, set_cookie, set_cookie_regexp, json", "8"},
		{"outcome: operator first", step("failure & status 401"), "failure: no condition before &", "8"},
		{"outcome: operator last", step("failure status 401 |"), "failure: no condition behind |", "8"},
		{"outcome: two operators", step("failure status 401 & | status 403"), "failure: no condition behind &", "8"},
		{"outcome: lone operator", step("failure |"), "failure: no condition before |", "8"},
		{"outcome: glued behind", step("failure status 401| status 403"), `condition status: "401|": put blanks around & and |`, "8"},
		{"outcome: glued before", step("failure status 401 |status 403"), `condition status: "|status": put blanks around & and |`, "8"},
		{"outcome: glued between", step("failure status 401|status 403"), `condition status: "401|status": put blanks`, "8"},
		{"outcome: glued at the kind", step("failure status&set_cookie sid"), `"status&set_cookie": put blanks`, "8"},
		{"outcome: doubled", step("failure status 401 && set_cookie sid"), `condition status: "&&": put blanks`, "8"},
		{"outcome: glued to a regexp", step("failure header_regexp Location ^/a| status 403"), `"^/a|": put blanks`, "8"},
		{"outcome: glued regexp", step("failure header_regexp Location ^/a|status 403"), `"^/a|status": put blanks`, "8"},
		{"outcome: alternatives in json", step("failure json code=A|B"), `"code=A|B": put blanks around & and |, or quotes around a value that holds them`, "8"},
		{"outcome: unknown condition", step("failure body x"), `unknown condition "body"; allowed: status, header,`, "8"},
		{"outcome: block", step("failure status 401 {\n}"), `step: "failure" takes no block`, "8"},
		{"condition: status none", step("failure status"), "condition status: wrong number of arguments: got 0, want <code|class...>", "8"},
		{"condition: status bad", step("failure status 401 6xx"), `status "6xx": write a code of a final answer (101, 200 to 599) or a class (2xx to 5xx)`, "8"},
		{"condition: header without value", step("failure header Location"), "condition header: wrong number of arguments: got 1, want <field> <value>", "8"},
		{"condition: header with three", step("failure header Location a b"), "condition header: wrong number of arguments: got 3", "8"},
		{"condition: header star inside", step("failure header Location /a*b"), "write * only at the ends of the value, or use header_regexp", "8"},
		{"condition: header empty", step(`failure header Location ""`), "condition header: an argument is empty", "8"},
		{"condition: bad regexp", step("failure header_regexp Location ("), "header_regexp Location: correct the regular expression: error parsing regexp: missing closing )", "8"},
		{"condition: header_regexp arity", step("failure header_regexp Location"), "condition header_regexp: wrong number of arguments: got 1, want <field> <regexp>", "8"},
		{"condition: set_cookie none", step("failure set_cookie"), "condition set_cookie: wrong number of arguments: got 0, want <name>", "8"},
		{"condition: set_cookie two", step("failure set_cookie a b"), "condition set_cookie: wrong number of arguments: got 2, want <name>", "8"},
		{"condition: set_cookie name", step("failure set_cookie a=b"), `set_cookie "a=b": write the name of a cookie`, "8"},
		{"condition: set_cookie empty", step(`failure set_cookie ""`), "condition set_cookie: an argument is empty", "8"},
		{"condition: bad cookie regexp", step("failure set_cookie_regexp ["), "set_cookie_regexp: correct the regular expression", "8"},
		{"condition: json none", step("failure json"), "condition json: wrong number of arguments: got 0, want <path>[=<value>]", "8"},
		{"condition: json bad path", step("failure json a..b"), `json "a..b": write a path`, "8"},
		{"condition: json no path", step("failure json =x"), `json "": write a path`, "8"},
		{"condition: json no value", step("failure json a="), `condition json "a=": no value behind =`, "8"},
		{"condition: json quotes inside", step(`failure json a="b"`), "put the quotes around path and value together", "8"},
		{"condition: json quotes and blanks", step(`failure json a="b c"`), "condition json: wrong number of arguments: got 2, want <path>[=<value>]; quotes stand around both", "8"},
		{"condition: second of a line", step("failure status 401 & set_cookie sid | status 99"), `status "99": write a code`, "8"},
		{"condition: line of a continued one", step("failure status 401 & \\\n\tstatus 99\norg x"), `status "99": write a code`, "8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(tt.input), map[string]any{"filename": "Caddyfile"})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasSuffix(err.Error(), ", at Caddyfile:"+tt.line) {
				t.Errorf("got  %v\nwant %s, at Caddyfile:%s", err, tt.want, tt.line)
			}
		})
	}
}
