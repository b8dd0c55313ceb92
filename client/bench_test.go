//go:build unix

package client_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

func number(n int) client.EmployeeID {
	return client.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012x", n*7919))
}

// fourGrants is a contract of four grants, two of which cover a courier's
// psychologist.
func fourGrants(slug client.TenantSlug) clienttest.Tenant {
	t := carrier()
	t.Slug = slug
	t.Contracts[0].Grants = append(t.Contracts[0].Grants,
		clienttest.Grant{ID: "food", SpecialistTypes: []client.SpecialistTypeCode{"coach"}, Amount: 3, Per: client.PerFamily, Window: "calendar_month", Priority: 30})
	return t
}

// benchClient returns a client that holds a million employees of 500 tenants.
func benchClient(b *testing.B, people int) (*client.Client, []client.EmployeeID) {
	b.Helper()
	s := clienttest.NewServer(types)
	b.Cleanup(s.Close)
	c := openReady(b, s.Config(), nil)
	terms := map[tenancy.TenantSlug]*entitlement.Terms{}
	for i := range 500 {
		slug := client.TenantSlug(fmt.Sprintf("tenant-%d", i))
		made, err := entitlement.Compile(fourGrants(slug), []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}})
		if err != nil {
			b.Fatal(err)
		}
		terms[slug] = made
	}
	c.Directory().SetTerms(7, terms)
	ids := make([]client.EmployeeID, people)
	for i := range ids {
		ids[i] = number(i)
		c.Directory().Put(record(i))
	}
	return c, ids
}

func record(i int) entitlement.Record {
	r := entitlement.Record{ID: number(i), Tenant: client.TenantSlug(fmt.Sprintf("tenant-%d", i%500)), Revision: 3,
		Employments: []entitlement.RecordEmployment{{HiredOn: date("2024-03-01").AddDays(i % 700)}}}
	if i%3 == 0 {
		r.Employments[0].Segments = []tenancy.SegmentID{"couriers"}
	}
	return r
}

// processorTime is what the process has taken of the processors: on a machine
// that others use too, it says more than the time that went by.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const million = 1_000_000

// The speed that the booking core sees: another employee each time, of a
// million, in a contract of four grants, with counts of use. The ids lie one
// after another, as a program has the one that it has just read at hand; the
// employees do not.
func BenchmarkCheckInto(b *testing.B) {
	c, ids := benchClient(b, million)
	q := ask("")
	q.Used = client.UsedByGrant(map[client.GrantID]int{"talk": 6, "extra": 1})
	ask := func(i int, q *client.Query, a *client.Answer) {
		q.EmployeeID = ids[i%million]
		if err := c.CheckInto(q, a); err != nil || a.Reason == client.EmployeeUnknown {
			b.Fatal(err, a.Reason)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		q, a, i, start := q, client.Answer{}, 0, processorTime(b)
		for b.Loop() {
			i++
			ask(i, &q, &a)
		}
		b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
	})
	var place atomic.Int64
	parallel := func(b *testing.B) {
		b.ReportAllocs()
		start := processorTime(b)
		b.RunParallel(func(pb *testing.PB) {
			q, a, i := q, client.Answer{}, int(place.Add(100_000))
			for pb.Next() {
				i++
				ask(i, &q, &a)
			}
		})
		b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
	}
	b.Run("parallel", parallel)
	b.Run("parallel-while-people-change", func(b *testing.B) {
		stop, stopped := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					stopped <- n
					return
				case <-time.After(100 * time.Microsecond):
					c.Directory().Put(record(n % million))
				}
			}
		}()
		parallel(b)
		close(stop)
		<-stopped
	})
}

// The same without an answer of the caller's own.
func BenchmarkCheck(b *testing.B) {
	c, ids := benchClient(b, 10_000)
	q := ask("")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.EmployeeID = ids[i%len(ids)]
		if _, err := c.Check(q); err != nil {
			b.Fatal(err)
		}
	}
}

// CheckInto allocates nothing: for whoever is known and whoever is not, however
// the answer comes out.
func TestCheckIntoDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := newServer(t)
	s.Put(leaver(boris))
	c := openReady(t, s.Config(), nil)
	var a client.Answer
	for name, q := range map[string]client.Query{
		"ok": ask(anna), "left": ask(boris), "unknown": ask(number(1)), "no id": ask("nobody"),
		"capitals": ask("0B0E7D7E-0000-4000-8000-00000000000A"),
		"counted":  {EmployeeID: anna, SpecialistType: "psychologist", At: noon, Used: client.UsedByGrant(map[client.GrantID]int{"talk": 6})},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := c.CheckInto(&q, &a); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	s.SetAway(true)
	eventually(t, "not connected", func() bool { return !c.State().Connected })
	if n := testing.AllocsPerRun(100, func() { _ = c.CheckInto(&client.Query{EmployeeID: anna, SpecialistType: "coach", At: noon}, &a) }); n != 0 {
		t.Errorf("away: %v allocations", n)
	}
}

// How long it takes to fill a client from a snapshot of a million employees,
// as it comes from Opora: gzipped, a line each.
func BenchmarkFill(b *testing.B) {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	lines := json.NewEncoder(zip)
	write := func(c entitlement.Change) {
		if err := lines.Encode(c); err != nil {
			b.Fatal(err)
		}
	}
	write(entitlement.Change{Type: entitlement.SnapshotBegins, Cursor: "1"})
	write(entitlement.Change{Type: entitlement.TermsChanged, Revision: 7, Terms: &entitlement.TermsDocument{Revision: 7}})
	for i := range million {
		r := record(i)
		write(entitlement.Change{Type: entitlement.EmployeeChanged, EmployeeID: r.ID, Tenant: r.Tenant, Revision: r.Revision, Employee: &r})
	}
	write(entitlement.Change{Type: entitlement.SnapshotEnds, Employees: million})
	if err := zip.Close(); err != nil {
		b.Fatal(err)
	}
	s := newServer(b)
	config := s.Config()
	config.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) *http.Response {
		if !isSnapshot(r) {
			return nil
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(zipped.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		answer := reply(200, "application/x-ndjson", "")
		answer.Body = io.NopCloser(unzipped)
		return answer
	})}
	start := processorTime(b)
	for b.Loop() {
		c, err := client.OpenAt(config, nil, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		eventually(b, "filled", func() bool { return c.State().Snapshots >= 1 })
		if st := c.State(); st.Employees != million {
			b.Fatalf("%+v", st)
		}
		c.Close()
	}
	b.ReportMetric((processorTime(b)-start).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(zipped.Len()), "bytes-sent")
}

// transport answers some requests itself.
type transport func(*http.Request) *http.Response

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if answer := t(r); answer != nil {
		answer.Request = r
		return answer, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}
