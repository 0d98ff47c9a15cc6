// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-lockout/caddy-lockout/counter"
)

// pages reads a whole list.
func (n *node) pages(organization *string, size int) (users []counter.Subject) {
	n.b.Helper()
	f := counter.ListFilter{Organization: organization, Limit: size}
	for {
		rows, next, err := n.ListLocked(n.b.context(), f)
		if err != nil {
			n.b.Fatal(err)
		}
		if len(rows) > size || (next != "" && len(rows) != size) {
			n.b.Fatalf("a page of %d rows with cursor %q, want %d", len(rows), next, size)
		}
		for _, r := range rows {
			if r.Lock.At.IsZero() || r.Lock.ID == "" {
				n.b.Fatalf("row %+v tells no lock", r)
			}
			users = append(users, r.Subject)
		}
		if next == "" {
			return users
		}
		f.After = next
	}
}

func (n *node) wantCount(want int64) {
	n.b.Helper()
	if got, err := n.CountLocked(n.b.context(), nil); err != nil || got != want {
		n.b.Fatalf("%d locked users, %v; want %d", got, err, want)
	}
}

// crowd locks some users of three organizations.
func (n *node) crowd() (all []counter.Subject) {
	n.b.Helper()
	for i := range 60 {
		s := counter.Subject{Organization: []string{"a", "ab", ""}[i%3], User: fmt.Sprintf("user%d", i)}
		if i%2 == 0 {
			n.lock(s)
		} else {
			n.fail(s, 1, 1)
		}
		all = append(all, s)
	}
	n.flush()
	return all
}

// wantSame compares two lists as sets in which nobody stands twice.
func (b *bench) wantSame(got, want []counter.Subject) {
	b.Helper()
	seen := map[counter.Subject]int{}
	for _, s := range got {
		seen[s]++
	}
	for _, s := range want {
		if seen[s] != 1 {
			b.Errorf("%+v is listed %d times", s, seen[s])
		}
		delete(seen, s)
	}
	if len(seen) > 0 {
		b.Errorf("listed as well: %v", seen)
	}
}

// strange are names that could break out of a key, a range, a protocol or a
// pattern.
var strange = []string{
	"{}", "{", "}", "*", "?", "[a-z]", "a\r\nb", "\r\n", "\x00", "a\x00", ":", "1:", "1:a", "a", "a:b", "ab", "b",
	"%00", " ", "#0", "+", "-", "(", "[", "\u00ff", "\U0010ffff", strings.Repeat("😀", 200), strings.Repeat("😀", 199) + "😁",
}

var listing = []example{
	{"pages over all organizations list each locked user once in a fixed order", func(b *bench) {
		n := b.node()
		all := n.crowd()
		n.fail(b.user(), 2, 1) // somebody who is not locked
		whole := n.pages(nil, counter.MaxPage)
		b.wantSame(whole, all)
		for _, size := range []int{1, 7, 59, 60, 61} {
			if got := n.pages(nil, size); !slices.Equal(got, whole) {
				b.Errorf("pages of %d: %v, want %v", size, got, whole)
			}
		}
		n.wantCount(60)
	}},
	{"pages of one organization list no other", func(b *bench) {
		n := b.node()
		all := n.crowd()
		for _, organization := range []string{"a", "ab", "", "b", "A"} {
			mine := slices.DeleteFunc(slices.Clone(all), func(s counter.Subject) bool { return s.Organization != organization })
			for _, size := range []int{3, 20, 100} {
				b.wantSame(n.pages(&organization, size), mine)
			}
		}
	}},
	{"a cursor of another organization does not open it", func(b *bench) {
		n := b.node()
		n.crowd()
		for _, mine := range []string{"", "a", "ab"} {
			for _, after := range []string{"0:", "0:user2", "1:a", "1:auser0", "2:ab", "2:abuser1", "\x00", "\xff", "junk"} {
				rows, _, err := n.ListLocked(b.context(), counter.ListFilter{Organization: &mine, After: after})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range rows {
					if r.Organization != mine {
						b.Errorf("cursor %q lists %+v to %q", after, r.Subject, mine)
					}
				}
			}
		}
	}},
	{"each organization is counted by itself", func(b *bench) {
		n := b.node()
		n.crowd()
		n.wantCount(60)
		for _, mine := range []string{"", "a", "ab"} {
			if got, err := n.CountLocked(b.context(), &mine); err != nil || got != 20 {
				b.Errorf("%d locked users in %q, %v; want 20", got, mine, err)
			}
		}
	}},
	{"an unlock removes the row", func(b *bench) {
		n := b.node()
		all := n.crowd()
		for i, s := range all[:10] {
			n.unlock(s)
			n.wantCount(int64(59 - i))
		}
		b.wantSame(n.pages(nil, 8), all[10:])
	}},
	{"a row tells the lock", func(b *bench) {
		n, s := b.node(), b.user()
		a := n.beginWith(s, limit(counter.OTPSMS, 1))
		a.must(a.endWith())
		n.flush()
		rows, next, err := n.ListLocked(b.context(), counter.ListFilter{})
		if err != nil || len(rows) != 1 || next != "" {
			b.Fatalf("rows %+v, cursor %q, %v; want one", rows, next, err)
		}
		if want := n.state(s).Lock; rows[0].Subject != s || rows[0].Lock != *want || rows[0].Lock.ID != a.id || rows[0].Lock.Factor != counter.OTPSMS {
			b.Fatalf("row %+v, want %+v by %s", rows[0], want, a.id)
		}
	}},
	{"an empty list is empty", func(b *bench) {
		n := b.node()
		if got := n.pages(nil, 10); len(got) != 0 {
			b.Fatalf("listed %v", got)
		}
		n.wantCount(0)
	}},
	{"strange names collide with nothing", func(b *bench) {
		n := b.node()
		var all []counter.Subject
		for i, name := range strange {
			all = append(all,
				counter.Subject{Organization: name, User: "c"}, counter.Subject{Organization: "c", User: name},
				counter.Subject{Organization: name, User: name}, counter.Subject{Organization: "", User: name},
				counter.Subject{Organization: name, User: strange[(i+1)%len(strange)]})
		}
		all = append(all, counter.Subject{Organization: "a:b", User: "c:d"}, counter.Subject{Organization: "a", User: "b:c:d"},
			counter.Subject{Organization: "", User: "a:bc"}, counter.Subject{Organization: "a:bc", User: "x"}, counter.Subject{Organization: "ab", User: "cx"})
		slices.SortFunc(all, func(x, y counter.Subject) int {
			return strings.Compare(x.Organization+"\xff"+x.User, y.Organization+"\xff"+y.User)
		})
		all = slices.Compact(all)
		for _, s := range all {
			n.fail(s, 2, 1)
		}
		n.flush()
		for _, s := range all {
			n.wantState(s, 1, 0)
		}
		for i, s := range all {
			n.lock(s)
			if i+1 < len(all) {
				n.wantState(all[i+1], 1, 0)
			}
		}
		b.wantSame(n.pages(nil, 50), all)
		for _, organization := range strange {
			mine := slices.DeleteFunc(slices.Clone(all), func(s counter.Subject) bool { return s.Organization != organization })
			b.wantSame(n.pages(&organization, 3), mine)
		}
		for _, s := range all {
			b.wantEvents(s, 1, 0)
			n.unlock(s)
		}
		n.wantCount(0)
	}},
}
