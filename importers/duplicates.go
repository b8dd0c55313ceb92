package importers

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// mention is one row's use of a key or an address. Rows are compared by hashes,
// which take a few bytes a row instead of its texts.
type mention struct {
	what uint64 // the key with its legal entity, or the address
	raw  uint32 // the number as it was written
	row  uint32
	who  evidenceOf
}

// evidenceOf is what tells people apart, 0 where the row does not say.
type evidenceOf struct{ name, born, id uint32 }

// mentions finds what only a look at the whole file can tell.
type mentions struct {
	seed   maphash.Seed
	keys   []mention
	emails []mention
}

func newMentions() *mentions { return &mentions{seed: maphash.MakeSeed()} }

func (m *mentions) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	said := false
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0)
		said = said || p != ""
	}
	if !said {
		return 0
	}
	return h.Sum64()
}

// add remembers a row.
func (m *mentions) add(i int, r Row) {
	who := evidenceOf{
		name: uint32(m.hash(fold(r.LastName), fold(r.FirstName), fold(r.MiddleName))),
		born: uint32(m.hash(r.BirthDate.String())),
		id:   uint32(m.hash(r.NationalIDHash)),
	}
	if r.EmployeeKey != "" {
		key := m.hash(string(r.LegalEntity), string(r.EmployeeKey))
		m.keys = append(m.keys, mention{key, uint32(m.hash(string(r.EmployeeNo))), uint32(i), who})
	}
	if r.Email != "" {
		m.emails = append(m.emails, mention{m.hash(r.Email), 0, uint32(i), who})
	}
}

// clash is what a row shares with another that it must not share.
type clash uint8

const (
	sameKey   clash = 1 << iota // and the row is another person's
	similarNo                   // the same key written in another way
	sameEmail                   // and the row is another person's
)

// clashes returns the rows that clash with another one, by number. Every row of
// a clash is named: nobody can say which of them is right. The same person may
// stand on several rows, for several jobs.
func (m *mentions) clashes() map[int]clash {
	found := map[int]clash{}
	mark := func(group []mention, c clash) {
		for _, x := range group {
			found[int(x.row)] |= c
		}
	}
	eachGroup(m.keys, func(x mention) uint64 { return x.what }, func(group []mention) {
		if differ(group, func(x mention) uint32 { return x.raw }) {
			mark(group, similarNo)
		}
		eachGroup(group, func(x mention) uint64 { return uint64(x.raw) }, func(same []mention) {
			if differentPeople(same) {
				mark(same, sameKey)
			}
		})
	})
	eachGroup(m.emails, func(x mention) uint64 { return x.what }, func(group []mention) {
		if differentPeople(group) {
			mark(group, sameEmail)
		}
	})
	return found
}

func differentPeople(group []mention) bool {
	return differ(group, func(x mention) uint32 { return x.who.name }) ||
		differ(group, func(x mention) uint32 { return x.who.born }) ||
		differ(group, func(x mention) uint32 { return x.who.id })
}

// differ reports whether two mentions say different things; 0 says nothing.
func differ(group []mention, of func(mention) uint32) bool {
	var said uint32
	for _, x := range group {
		v := of(x)
		if said != 0 && v != 0 && v != said {
			return true
		}
		said = max(said, v)
	}
	return false
}

// eachGroup sorts the mentions and calls f for every group of at least two that
// agree in by.
func eachGroup(all []mention, by func(mention) uint64, f func(group []mention)) {
	slices.SortFunc(all, func(a, b mention) int { return cmp.Compare(by(a), by(b)) })
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && by(all[to]) == by(all[from]) {
			to++
		}
		if to-from > 1 {
			f(all[from:to])
		}
		from = to
	}
}
