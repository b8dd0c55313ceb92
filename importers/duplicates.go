package importers

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
)

// mentions finds what only a look at the whole file can tell: who shares a
// number or an address with somebody else. While the file is read it keeps
// nothing but a short hash of each; the rows whose hash stands twice, a few of
// them by chance, are looked at again when the end has come.
type mentions struct {
	seed   maphash.Seed
	keys   hashes // of the key with its legal entity, by the number of the record
	emails hashes
}

func newMentions() *mentions { return &mentions{seed: maphash.MakeSeed()} }

// hash is 0 when none of the parts says anything.
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
	return max(h.Sum64(), 1)
}

// add remembers the next record, of whatever kind.
func (m *mentions) add(r *Record) {
	m.keys.add(m.key(r))
	m.emails.add(m.hash(r.Row.Email))
}

// key is the hash of a row's key, 0 when it has none.
func (m *mentions) key(r *Record) uint64 {
	if r.Row.EmployeeKey == "" {
		return 0
	}
	return m.hash(string(r.Row.LegalEntity), string(r.Row.EmployeeKey))
}

// hashes is a long list of short hashes in pieces, because a slice that grows
// is there twice while it does.
type hashes struct {
	pieces [][]uint32
	n      int
}

const hashesInPiece = 32 << 10

func (h *hashes) add(x uint64) {
	if h.n%hashesInPiece == 0 {
		h.pieces = append(h.pieces, make([]uint32, 0, hashesInPiece))
	}
	last := len(h.pieces) - 1
	h.pieces[last] = append(h.pieces[last], brief(x))
	h.n++
}

// brief keeps 0, which says nothing, apart from all others.
func brief(x uint64) uint32 {
	if x == 0 {
		return 0
	}
	return max(uint32(x), 1)
}

func (h *hashes) at(i int) uint32 { return h.pieces[i/hashesInPiece][i%hashesInPiece] }

// repeated returns the hashes that stand at least twice, in order; 0 is none.
func (h *hashes) repeated() []uint32 {
	all := make([]uint32, 0, h.n)
	for _, piece := range h.pieces {
		all = append(all, piece...)
	}
	slices.Sort(all)
	twice := all[:0]
	for i, x := range all {
		if i > 0 && x != 0 && x == all[i-1] && (len(twice) == 0 || twice[len(twice)-1] != x) {
			twice = append(twice, x)
		}
	}
	return slices.Clone(twice)
}

// mention is one row's use of a key or an address. Rows are compared by hashes,
// which take a few bytes a row instead of its texts.
type mention struct {
	what uint64
	raw  uint32 // the number as it was written
	row  uint32
	who  evidenceOf
}

// evidenceOf is what tells people apart, 0 where the row does not say. Ids are
// compared with those of their kind, and patronymics where both rows have one.
// It holds no text: any, even an empty one, would keep the whole block alive
// that it was unpacked from.
type evidenceOf struct {
	name, middle, born, id uint32
	kind                   int8 // index of idKinds
}

// clash is what a row shares with another that it must not share.
type clash uint8

const (
	sameKey   clash = 1 << iota // and the row is another person's
	similarNo                   // the same key written in another way
	sameEmail                   // and the row is another person's
)

// clashes says, by the number of the record, how it clashes with another one;
// nil when none does. Every row of a clash is named: nobody can say which of
// them is right. The same person may stand on several rows, for several jobs.
// again gives records once more, with the values of their merged cells: those
// of the stretches, from one number to before another, that are wanted, and
// perhaps others.
func (m *mentions) clashes(again func(wanted func(from, to int) bool, f func(i int, r *Record) error) error) ([]clash, error) {
	keys, emails := m.keys.repeated(), m.emails.repeated()
	if len(keys)+len(emails) == 0 {
		return nil, nil
	}
	shares := func(i int) (key, email bool) {
		_, key = slices.BinarySearch(keys, m.keys.at(i))
		_, email = slices.BinarySearch(emails, m.emails.at(i))
		return key, email
	}
	anyOf := func(from, to int) bool {
		for i := from; i < to; i++ {
			if key, email := shares(i); key || email {
				return true
			}
		}
		return false
	}
	// Counted first, for in the worst of lists these are as long as it is.
	ofKeys, ofEmails := 0, 0
	for i := range m.keys.n {
		key, email := shares(i)
		ofKeys += int(verdict(key))
		ofEmails += int(verdict(email))
	}
	byKey, byEmail := make([]mention, 0, ofKeys), make([]mention, 0, ofEmails)
	err := again(anyOf, func(i int, r *Record) error {
		sharesKey, sharesEmail := shares(i)
		if !sharesKey && !sharesEmail {
			return nil
		}
		x := mention{raw: uint32(m.hash(string(r.Row.EmployeeNo))), row: uint32(i), who: m.evidence(r)}
		if sharesKey {
			x.what = m.key(r)
			byKey = append(byKey, x)
		}
		if sharesEmail {
			x.what = m.hash(r.Row.Email)
			byEmail = append(byEmail, x)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]clash, m.keys.n)
	markKeys(byKey, found)
	markEmails(byEmail, found)
	return found, nil
}

func (m *mentions) evidence(r *Record) evidenceOf {
	who := evidenceOf{
		name:   uint32(m.hash(sameName(r.Row.LastName), sameName(r.Row.FirstName))),
		middle: uint32(m.hash(sameName(r.Row.MiddleName))),
		id:     uint32(m.hash(r.Row.NationalIDHash)),
		kind:   int8(slices.Index(idKinds, r.Row.NationalID)),
	}
	if isInitial(r.Row.MiddleName) {
		who.middle = 0
	}
	if !r.Row.BirthDate.IsZero() {
		who.born = uint32(m.hash(r.Row.BirthDate.String()))
	}
	return who
}

func markKeys(all []mention, found []clash) {
	eachGroup(all, func(x mention) uint64 { return x.what }, func(group []mention) {
		if differ(group, func(x mention) uint32 { return x.raw }) {
			mark(group, similarNo, found)
		}
		eachGroup(group, func(x mention) uint64 { return uint64(x.raw) }, func(same []mention) {
			if differentPeople(same) {
				mark(same, sameKey, found)
			}
		})
	})
}

func markEmails(all []mention, found []clash) {
	eachGroup(all, func(x mention) uint64 { return x.what }, func(group []mention) {
		if differentPeople(group) {
			mark(group, sameEmail, found)
		}
	})
}

func mark(group []mention, c clash, found []clash) {
	for _, x := range group {
		found[x.row] |= c
	}
}

func differentPeople(group []mention) bool {
	for _, said := range []func(mention) uint32{
		func(x mention) uint32 { return x.who.name },
		func(x mention) uint32 { return x.who.middle },
		func(x mention) uint32 { return x.who.born },
	} {
		if differ(group, said) {
			return true
		}
	}
	for kind := range idKinds {
		if differ(group, func(x mention) uint32 {
			if int(x.who.kind) != kind {
				return 0
			}
			return x.who.id
		}) {
			return true
		}
	}
	return false
}

// sameName makes the spellings of a name the same that differ in case, hyphens
// and letters that look alike.
func sameName(s string) string {
	return lookAlikes.Replace(strings.ToUpper(plain(s)))
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
