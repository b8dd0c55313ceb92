package entitlement

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Directory holds all people of a contour in memory, some hundred bytes each, so
// that a decision about any of them needs no question to anyone. Server and Go
// client use the same one. It is safe for concurrent use; readers wait for
// writers only while something is being changed.
//
// What it knows of somebody is his Record, under whatever terms are held at
// the time: records may come before the terms that they belong to and after.
type Directory struct {
	shards [shards]shard
	view   atomic.Pointer[view] // never nil, never changed: replaced

	mu   sync.Mutex // of writers: the view's next version, and sets
	sets internedSets
}

// shards is how many parts of the people are locked on their own.
const shards = 64

// shard is a part of the people, by the last byte of their ids.
type shard struct {
	mu     sync.RWMutex
	people map[personID]packedRecord
	rest   []restOfRecord // by packedRecord.rest-1
	free   []uint32       // of rest
}

// personID is an employee's id as the 16 bytes that it spells.
type personID [16]byte

// packedRecord is a Record in 24 bytes, without pointers, so that the garbage
// collector need not look at it.
type packedRecord struct {
	revision int64
	span     packedSpan // the first; set is the tenant's empty one when there is none
	rest     uint32     // 0: the span is all there is
}

// restOfRecord is what few employees have: several employments or none, and
// overrides. What it points to is never changed.
type restOfRecord struct {
	none      bool // no employment at all
	more      []packedSpan
	overrides []tenancy.Override
}

// view is what all records are read under: the terms of every tenant, and what
// each interned set of segments stands for in them. Slices of successive views
// share memory, of which a view looks only at its own part.
type view struct {
	revision  int64
	given     bool // terms have been given at all
	tenants   map[tenancy.TenantSlug]*Terms
	sets      []setView
	revisions []string // RevisionOf(revision, i)
}

// namedRevisions is how many revisions of an employee have a text at hand.
// An employee who was changed more often costs an allocation for his.
const namedRevisions = 256

// NewDirectory returns an empty directory without terms.
func NewDirectory() *Directory {
	d := &Directory{sets: newInternedSets()}
	for i := range d.shards {
		d.shards[i].people = map[personID]packedRecord{}
	}
	d.view.Store(newView(0, nil, false))
	return d
}

func newView(revision int64, terms map[tenancy.TenantSlug]*Terms, given bool) *view {
	v := &view{revision: revision, given: given, tenants: terms, revisions: make([]string, namedRevisions)}
	for i := range v.revisions {
		v.revisions[i] = RevisionOf(revision, int64(i))
	}
	return v
}

// Removal is an employee who is not to be known any more, and the revision of
// the change that said so.
type Removal struct {
	ID       tenancy.EmployeeID
	Revision int64
}

// Update is a change of the directory that readers see whole or not at all.
type Update struct {
	// Terms of all tenants, as of TermsRevision; nil leaves them as they are.
	Terms         map[tenancy.TenantSlug]*Terms
	TermsRevision int64
	Put           []Record
	Remove        []Removal
}

// SetTerms replaces the terms of all tenants at once. The people of a tenant
// that is not among them stay known, and no contract of theirs runs.
func (d *Directory) SetTerms(revision int64, terms map[tenancy.TenantSlug]*Terms) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setTerms(revision, terms)
}

// Put takes in an employee, and reports whether he is now held as the record
// says: an older revision than the one held is ignored, and so is an id that
// is no UUID.
func (d *Directory) Put(r Record) bool {
	id, ok := parsePersonID(string(r.ID))
	if !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.put(s, id, r)
}

// Remove forgets an employee, unless a later revision of him is held.
func (d *Directory) Remove(id tenancy.EmployeeID, revision int64) {
	d.Apply(Update{Remove: []Removal{{id, revision}}})
}

// Apply makes the changes of an update: no reader sees a part of it. Of the
// records, those that Put would ignore are ignored.
func (d *Directory) Apply(u Update) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.shards {
		d.shards[i].mu.Lock()
		defer d.shards[i].mu.Unlock()
	}
	if u.Terms != nil {
		d.setTerms(u.TermsRevision, u.Terms)
	}
	for _, r := range u.Put {
		if id, ok := parsePersonID(string(r.ID)); ok {
			d.put(d.shard(id), id, r)
		}
	}
	for _, r := range u.Remove {
		if id, ok := parsePersonID(string(r.ID)); ok {
			d.remove(d.shard(id), id, r.Revision)
		}
	}
}

// Snapshot returns what a decision about the employee needs, or false when he
// is not known, or no terms are yet; the snapshot names the revision of the terms all the same. The
// id may be spelled in capitals: the subject has it as it was given. It does not allocate.
func (d *Directory) Snapshot(id string) (Snapshot, bool) {
	person, ok := parsePersonID(id)
	if !ok {
		return d.nobody()
	}
	s := d.shard(person)
	s.mu.RLock()
	held, ok := s.people[person]
	if !ok {
		s.mu.RUnlock()
		return d.nobody()
	}
	v := d.view.Load() // under the lock: it knows every set that a record names
	if !v.given {
		s.mu.RUnlock()
		return d.nobody()
	}
	snapshot := Snapshot{Terms: v.sets[held.span.set].terms, Revision: v.revisionOf(held.revision)}
	snapshot.Subject = Subject{known: true, id: tenancy.EmployeeID(id), count: 1, first: held.span, sets: v.sets}
	if held.rest != 0 {
		s.rest[held.rest-1].addTo(&snapshot.Subject)
	}
	s.mu.RUnlock()
	return snapshot, true
}

func (d *Directory) nobody() (Snapshot, bool) {
	return Snapshot{Revision: d.view.Load().revisionOf(0)}, false
}

// TermsRevision returns the revision of the terms held, and whether there are any.
func (d *Directory) TermsRevision() (int64, bool) {
	v := d.view.Load()
	return v.revision, v.given
}

// Len returns how many people are held.
func (d *Directory) Len() int {
	n := 0
	for i := range d.shards {
		d.shards[i].mu.RLock()
		n += len(d.shards[i].people)
		d.shards[i].mu.RUnlock()
	}
	return n
}

// Sizes for Bytes: a person's place in a map, with its control byte; one with a
// rest, whose parts are small; a set and its key.
const (
	bytesOfPlace = 16 + 24 + 1
	bytesOfRest  = 300
	bytesOfSet   = 200
)

// Bytes returns about how much memory the people take; terms are not counted.
func (d *Directory) Bytes() int {
	n := 0
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.RLock()
		n += places(len(s.people))*bytesOfPlace + (len(s.rest)-len(s.free))*bytesOfRest
		s.mu.RUnlock()
	}
	return n + len(d.view.Load().sets)*bytesOfSet
}

// places is how many a map of n has about: a power of two, at most seven
// eighths of them taken.
func places(n int) int { return 1 << bits.Len(uint(n*8/7)) } //nolint:gosec // a length

func (d *Directory) shard(id personID) *shard { return &d.shards[id[15]%shards] }

// setTerms is called with d.mu held.
func (d *Directory) setTerms(revision int64, terms map[tenancy.TenantSlug]*Terms) {
	v := newView(revision, terms, true)
	for _, set := range d.sets.all {
		v.sets = append(v.sets, v.of(set))
	}
	d.view.Store(v)
}

// of returns what a set of segments stands for. The people of a tenant that
// was dropped are known: they have terms without any contract.
func (v *view) of(set internedSet) setView {
	terms := v.tenants[set.tenant]
	switch {
	case terms != nil:
		return setView{terms, terms.known(set.segments)}
	case v.given:
		return setView{&Terms{tenant: set.tenant}, 0}
	}
	return setView{}
}

func (v *view) revisionOf(employee int64) string {
	if employee >= 0 && employee < int64(len(v.revisions)) {
		return v.revisions[employee]
	}
	return RevisionOf(v.revision, employee)
}

// put is called with d.mu and the shard's lock held.
func (d *Directory) put(s *shard, id personID, r Record) bool {
	held, was := s.people[id]
	if was && held.revision > r.Revision {
		return false
	}
	made, rest, needed := d.pack(r)
	if was {
		d.release(s, held)
	}
	if needed {
		made.rest = s.keepRest(rest)
	}
	s.people[id] = made
	return true
}

// pack makes of a record what is kept of it, taking a hold of its sets; rest
// is needed only when the packed part is not all.
func (d *Directory) pack(r Record) (made packedRecord, rest restOfRecord, needed bool) {
	made.revision = r.Revision
	for i, e := range r.sorted() {
		sp := packedSpan{packDate(e.HiredOn), packDate(e.LeftOn), d.intern(r.Tenant, e.Segments)}
		if i == 0 {
			made.span = sp
		} else {
			rest.more = append(rest.more, sp)
		}
	}
	if rest.none = len(r.Employments) == 0; rest.none {
		made.span.set = d.intern(r.Tenant, nil)
	}
	for _, o := range r.Overrides {
		rest.overrides = append(rest.overrides, tenancy.Override{Grant: o.Grant, Amount: o.Amount, From: o.From, Until: o.Until})
	}
	rest.more, rest.overrides = slices.Clip(rest.more), slices.Clip(rest.overrides)
	return made, rest, rest.none || len(rest.more) > 0 || len(rest.overrides) > 0
}

// remove is called with d.mu and the shard's lock held.
func (d *Directory) remove(s *shard, id personID, revision int64) {
	if held, ok := s.people[id]; ok && held.revision <= revision {
		d.release(s, held)
		delete(s.people, id)
	}
}

// release gives back what a record took.
func (d *Directory) release(s *shard, held packedRecord) {
	d.sets.release(held.span.set)
	if held.rest == 0 {
		return
	}
	for _, sp := range s.rest[held.rest-1].more {
		d.sets.release(sp.set)
	}
	s.rest[held.rest-1] = restOfRecord{}
	s.free = append(s.free, held.rest)
}

// intern returns the index of a set of segments and publishes it to readers
// before any record that names it can be read.
func (d *Directory) intern(tenant tenancy.TenantSlug, segments []tenancy.SegmentID) uint32 {
	index, fresh := d.sets.hold(tenant, segments)
	if !fresh {
		return index
	}
	next := *d.view.Load()
	made := next.of(d.sets.all[index])
	if int(index) == len(next.sets) {
		next.sets = append(next.sets, made) // beyond what readers of earlier views look at
	} else {
		next.sets = slices.Clone(next.sets) // a reader may still look at what the index stood for
		next.sets[index] = made
	}
	d.view.Store(&next)
	return index
}

// keepRest stores the rest of a record and returns its number.
func (s *shard) keepRest(rest restOfRecord) uint32 {
	if n := len(s.free); n > 0 {
		number := s.free[n-1]
		s.free = s.free[:n-1]
		s.rest[number-1] = rest
		return number
	}
	s.rest = append(s.rest, rest)
	return uint32(len(s.rest)) //nolint:gosec // fewer than there are people
}

func (r *restOfRecord) addTo(s *Subject) {
	s.count += len(r.more)
	if r.none {
		s.count = 0
	}
	s.more, s.overrides = r.more, r.overrides
}

// parsePersonID reads the one spelling of a UUID, 36 characters, in small or
// capital letters.
func parsePersonID(text string) (id personID, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	for i, at := range [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		high, low := hexDigits[text[at]], hexDigits[text[at+1]]
		if high|low == notHex {
			return id, false
		}
		id[i] = high<<4 | low
	}
	return id, true
}

// notHex has bits that no digit has.
const notHex = 0xff

// hexDigits is the value of each character as a hexadecimal digit.
var hexDigits = func() (values [256]byte) {
	for i := range values {
		switch c := byte(i); {
		case '0' <= c && c <= '9':
			values[i] = c - '0'
		case 'a' <= c && c <= 'f':
			values[i] = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			values[i] = c - 'A' + 10
		default:
			values[i] = notHex
		}
	}
	return values
}()
