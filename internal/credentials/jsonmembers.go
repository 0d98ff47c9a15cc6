// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

// memberSet holds the folded member names of one object. Objects are small, so
// it compares one by one before it builds a map.
type memberSet struct {
	few  []string
	many map[string]struct{}
}

// add reports whether the name is new.
func (s *memberSet) add(name string) bool {
	if s.many != nil {
		_, known := s.many[name]
		s.many[name] = struct{}{}
		return !known
	}
	for _, known := range s.few {
		if known == name {
			return false
		}
	}
	if s.few = append(s.few, name); len(s.few) > 16 {
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, known := range s.few {
			s.many[known] = struct{}{}
		}
	}
	return true
}
