package entitlement_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// someID spells the n-th made-up employee's id.
func someID(n int) tenancy.EmployeeID {
	return tenancy.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012x", n))
}

// modelDirectory is a Directory that is plainly right.
type modelDirectory struct {
	revision int64
	terms    map[tenancy.TenantSlug]*entitlement.Terms
	people   map[tenancy.EmployeeID]entitlement.Record
}

func (m *modelDirectory) decide(t *rapid.T, q entitlement.Query) entitlement.Decision {
	r, ok := m.people[q.EmployeeID]
	if !ok || m.terms == nil {
		return entitlement.Decide(entitlement.Snapshot{Revision: entitlement.RevisionOf(m.revision, 0)}, q)
	}
	terms := m.terms[r.Tenant]
	if terms == nil { // dropped: known, and without contracts
		var err error
		if terms, err = entitlement.Compile(tenancy.Tenant{Slug: r.Tenant}, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := entitlement.Snapshot{Terms: terms, Subject: terms.SubjectOf(r), Revision: entitlement.RevisionOf(m.revision, r.Revision)}
	return entitlement.Decide(s, q)
}

// drawTerms draws the terms of two tenants, of which one may be missing, with
// their segments in any order and perhaps without one of them.
func drawTerms(t *rapid.T) map[tenancy.TenantSlug]*entitlement.Terms {
	all := map[tenancy.TenantSlug]*entitlement.Terms{}
	for _, slug := range []tenancy.TenantSlug{"cdek", "avito"} {
		if rapid.IntRange(0, 5).Draw(t, "dropped") == 0 {
			continue
		}
		tenant := drawTenant(t)
		tenant.Slug = slug
		tenant.Segments = rapid.Permutation(tenant.Segments).Draw(t, "segments")
		terms, err := entitlement.Compile(tenant, types)
		if err != nil {
			t.Fatal(err)
		}
		all[slug] = terms
	}
	return all
}

func drawRecord(t *rapid.T, people int) entitlement.Record {
	segments := rapid.SliceOfNDistinct(rapid.SampledFrom(append(slices.Clone(propertySegments), "newer", "older", "other")), 0, 3, rapid.ID[tenancy.SegmentID])
	r := entitlement.Record{
		ID: someID(rapid.IntRange(0, people).Draw(t, "id")), Tenant: rapid.SampledFrom([]tenancy.TenantSlug{"cdek", "avito"}).Draw(t, "tenant"),
		Revision: rapid.Int64Range(0, 300).Draw(t, "revision"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "employments") {
		e := entitlement.RecordEmployment{Segments: segments.Draw(t, "of segments")}
		if rapid.Bool().Draw(t, "hired") {
			e.HiredOn = day(t, "hired on")
		}
		if rapid.Bool().Draw(t, "left") {
			e.LeftOn = day(t, "left on")
		}
		r.Employments = append(r.Employments, e)
	}
	for range rapid.IntRange(0, 2).Draw(t, "overrides") {
		r.Overrides = append(r.Overrides, tenancy.Override{Grant: rapid.SampledFrom(propertyGrants).Draw(t, "grant"), Amount: rapid.IntRange(-3, 3).Draw(t, "amount"), From: day(t, "from")})
	}
	return r
}

// Whatever is put, removed and replaced, in whatever order, a directory
// answers as the latest record under the latest terms does.
func TestDirectoryIsAMapOfRecords(t *testing.T) {
	const people = 5
	rapid.Check(t, func(t *rapid.T) {
		d, m := entitlement.NewDirectory(), &modelDirectory{people: map[tenancy.EmployeeID]entitlement.Record{}}
		put := func(r entitlement.Record) bool {
			if held, ok := m.people[r.ID]; ok && held.Revision > r.Revision {
				return false
			}
			m.people[r.ID] = r
			return true
		}
		remove := func(r entitlement.Removal) {
			if held, ok := m.people[r.ID]; ok && held.Revision <= r.Revision {
				delete(m.people, r.ID)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				r := drawRecord(t, people)
				if got, want := d.Put(r), put(r); got != want {
					t.Fatalf("put %+v: %v, want %v", r, got, want)
				}
			},
			"remove": func(t *rapid.T) {
				r := entitlement.Removal{ID: someID(rapid.IntRange(0, people).Draw(t, "id")), Revision: rapid.Int64Range(0, 300).Draw(t, "revision")}
				d.Remove(r.ID, r.Revision)
				remove(r)
			},
			"terms": func(t *rapid.T) {
				m.revision, m.terms = m.revision+1, drawTerms(t)
				d.SetTerms(m.revision, m.terms)
			},
			"all": func(t *rapid.T) {
				m.revision, m.terms = m.revision+1, drawTerms(t)
				u := entitlement.Update{Terms: m.terms, TermsRevision: m.revision, Put: []entitlement.Record{drawRecord(t, people), drawRecord(t, people)}}
				u.Remove = []entitlement.Removal{{ID: someID(rapid.IntRange(0, people).Draw(t, "id")), Revision: 300}}
				d.Apply(u)
				for _, r := range u.Put {
					put(r)
				}
				remove(u.Remove[0])
			},
			"": func(t *rapid.T) {
				q := drawQuery(t)
				for i := range people + 2 {
					q.EmployeeID = someID(i)
					s, ok := d.Snapshot(string(q.EmployeeID))
					if _, held := m.people[q.EmployeeID]; ok != (held && m.terms != nil) {
						t.Fatalf("employee %d is known: %v", i, ok)
					}
					if diff := cmp.Diff(m.decide(t, q), entitlement.Decide(s, q), cmp.Comparer(time.Time.Equal)); diff != "" {
						t.Fatalf("employee %d (-want +got):\n%s", i, diff)
					}
				}
				if d.Len() != len(m.people) {
					t.Fatalf("%d people, want %d", d.Len(), len(m.people))
				}
			},
		})
	})
}

// One id has two spellings; what is no id is nobody's.
func TestDirectoryIDs(t *testing.T) {
	const id = "0b0e7d7e-0000-4000-8000-00000000abcd"
	d := heldCourier(t, id, 300)
	for given, known := range map[string]bool{
		id: true, strings.ToUpper(id): true, "": false, id[:35]: false, id + "0": false, "urn:uuid:" + id: false, string(someID(1)): false,
		strings.ReplaceAll(id, "-", ""): false, strings.Replace(id, "-", "0", 1): false, strings.Replace(id, "a", "g", 1): false, strings.Replace(id, "a", "\xff", 1): false,
	} {
		s, ok := d.Snapshot(given)
		q := query(t, "psychologist", "2026-12-01T10:00:00+03:00")
		q.EmployeeID = tenancy.EmployeeID(given)
		if decision := entitlement.Decide(s, q); ok != known || decision.Allowed != known {
			t.Errorf("%q is known: %v, %+v", given, ok, decision)
		}
		if want := map[bool]string{true: "3.300", false: "3"}[known]; s.Revision != want {
			t.Errorf("revision %q, want %q", s.Revision, want)
		}
	}
	if d.Put(entitlement.Record{ID: "17", Tenant: "cdek", Revision: 1}) {
		t.Error("a number is taken for an id")
	}
}

// heldCourier is a directory with one courier under the terms of revision 3.
func heldCourier(tb testing.TB, id tenancy.EmployeeID, revision int64) *entitlement.Directory {
	tb.Helper()
	d := entitlement.NewDirectory()
	d.SetTerms(3, termsOf(tb, carrier(tb)))
	hired := []entitlement.RecordEmployment{{HiredOn: date(tb, "2024-03-01"), Segments: []tenancy.SegmentID{"couriers"}}}
	if !d.Put(entitlement.Record{ID: id, Tenant: "cdek", Revision: revision, Employments: hired}) {
		tb.Fatal("not put")
	}
	return d
}

// From an id to a decision nothing is allocated, employments and overrides included.
func TestDirectoryAllocatesNothing(t *testing.T) {
	id := someID(1)
	d := heldCourier(t, id, 7)
	q := query(t, "psychologist", "2026-12-01T10:00:00+03:00")
	q.EmployeeID = id
	var decision entitlement.Decision
	ask := func() {
		s, _ := d.Snapshot(string(id))
		entitlement.DecideInto(&s, &q, &decision)
	}
	if n := testing.AllocsPerRun(100, ask); n != 0 || decision.Limit != 8 {
		t.Errorf("%v allocations, limit %d", n, decision.Limit)
	}
	second := entitlement.RecordEmployment{HiredOn: date(t, "2025-01-01"), Segments: []tenancy.SegmentID{"listed"}}
	d.Put(entitlement.Record{ID: id, Tenant: "cdek", Revision: 8, Employments: []entitlement.RecordEmployment{second, {LeftOn: date(t, "2025-01-31")}},
		Overrides: []tenancy.Override{{Grant: "talk", Amount: 3, From: date(t, "2026-01-01")}}})
	if n := testing.AllocsPerRun(100, ask); n != 0 || decision.Limit != 9 {
		t.Errorf("%v allocations, limit %d", n, decision.Limit)
	}
}

// Readers see an update whole: here the grant moves from one segment to the
// other and the employees move with it, so that everybody always has it.
func TestReadersSeeUpdatesWhole(t *testing.T) {
	const people, turns = 200, 40
	state := func(turn int) entitlement.Update {
		tenant := carrier(t)
		segment := tenant.Segments[turn%2].ID
		tenant.Contracts[0].Grants = []tenancy.Grant{{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 1,
			Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Segments: []tenancy.SegmentID{segment}}}
		u := entitlement.Update{Terms: termsOf(t, tenant), TermsRevision: int64(turn)}
		for i := range people {
			u.Put = append(u.Put, entitlement.Record{ID: someID(i), Tenant: "cdek", Revision: int64(turn), Employments: []entitlement.RecordEmployment{
				{Segments: []tenancy.SegmentID{segment}}, {Segments: []tenancy.SegmentID{segment}}}})
		}
		return u
	}
	d := entitlement.NewDirectory()
	d.Apply(state(0))
	q := query(t, "psychologist", "2026-12-01T10:00:00+03:00")
	var over atomic.Bool
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			var decision entitlement.Decision
			mine := q
			for i := r; !over.Load(); i++ {
				mine.EmployeeID = someID(i % people)
				s, _ := d.Snapshot(string(mine.EmployeeID))
				if entitlement.DecideInto(&s, &mine, &decision); !decision.Allowed {
					t.Errorf("%s at revision %s", decision.Reason, decision.Revision)
					return
				}
				if d.Len() != people {
					t.Errorf("%d people", d.Len())
					return
				}
			}
		})
	}
	for turn := range turns {
		d.Apply(state(turn + 1))
		d.Put(entitlement.Record{ID: someID(turn), Tenant: "cdek", Revision: 0}) // older: ignored
	}
	over.Store(true)
	readers.Wait()
}

// aMillion returns records as a contour has them: 500 tenants, each with a few
// segments, one in fifty with a second job, one in two hundred with an override.
func aMillion(n int) func(i int) entitlement.Record {
	random := rand.New(rand.NewPCG(1, 2))
	segments := []tenancy.SegmentID{"couriers", "drivers", "office", "warehouse"}
	return func(i int) entitlement.Record {
		r := entitlement.Record{
			ID:     tenancy.EmployeeID(fmt.Sprintf("%08x-%04x-4000-8000-%012x", random.Uint32(), i%n>>16, random.Uint64()>>16)),
			Tenant: tenancy.TenantSlug(fmt.Sprintf("tenant-%d", i%500)), Revision: int64(1 + i%3),
			Employments: []entitlement.RecordEmployment{{HiredOn: tenancy.NewDate(2010, 1, 1+i%5000), Segments: segments[i%4 : i%4+1]}},
		}
		if i%50 == 0 {
			r.Employments = append(r.Employments, entitlement.RecordEmployment{HiredOn: tenancy.NewDate(2025, 6, 1), Segments: segments[:2]})
		}
		if i%200 == 0 {
			r.Overrides = []tenancy.Override{{Grant: "talk", Amount: 2, From: tenancy.NewDate(2026, 1, 1), Reason: "told to nobody"}}
		}
		return r
	}
}

// TestDirectoryMemory measures what an employee takes, of a million of them.
func TestDirectoryMemory(t *testing.T) {
	n := 1_000_000
	if raceDetector {
		n = 50_000
	}
	record := aMillion(n)
	before := heap()
	d := entitlement.NewDirectory()
	for i := range n {
		d.Put(record(i))
	}
	each := float64(heap()-before) / float64(n)
	told := float64(d.Bytes()) / float64(n)
	t.Logf("%d employees: %.1f bytes each, %.1f by Bytes", d.Len(), each, told)
	if d.Len() != n || each > 300 {
		t.Errorf("%d people of %.1f bytes", d.Len(), each)
	}
	if told < each/1.5 || told > each*1.5 {
		t.Errorf("Bytes says %.1f each; it is %.1f", told, each)
	}
	runtime.KeepAlive(d)
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkDirectory(b *testing.B) {
	const n = 1_000_000
	record := aMillion(n)
	d := entitlement.NewDirectory()
	tenants := map[tenancy.TenantSlug]*entitlement.Terms{}
	ids := make([]tenancy.EmployeeID, n)
	for i := range n {
		r := record(i)
		ids[i] = r.ID
		if tenants[r.Tenant] == nil {
			tenants[r.Tenant] = termsOf(b, carrier(b))["cdek"]
		}
		d.Put(r)
	}
	d.SetTerms(1, tenants)
	q := query(b, "psychologist", "2026-12-01T10:00:00+03:00")
	q.Used = entitlement.UsedEach(3)
	var decision entitlement.Decision
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		q.EmployeeID = ids[i%n]
		s, _ := d.Snapshot(string(q.EmployeeID))
		if entitlement.DecideInto(&s, &q, &decision); !decision.Allowed {
			b.Fatal(decision.Reason)
		}
		i += 7919
	}
}

// termsOf compiles tenants.
func termsOf(tb testing.TB, tenants ...tenancy.Tenant) map[tenancy.TenantSlug]*entitlement.Terms {
	tb.Helper()
	all := map[tenancy.TenantSlug]*entitlement.Terms{}
	for _, tenant := range tenants {
		terms, err := entitlement.Compile(tenant, types)
		if err != nil {
			tb.Fatal(err)
		}
		all[tenant.Slug] = terms
	}
	return all
}
