package entitlement_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
)

func BenchmarkDecide(b *testing.B) {
	s, q := askedOften(b)
	b.ReportAllocs()
	for b.Loop() {
		if d := entitlement.Decide(s, q); !d.Allowed {
			b.Fatal(d.Reason)
		}
	}
}

func BenchmarkDecideInto(b *testing.B) {
	s, q := askedOften(b)
	var d entitlement.Decision
	b.ReportAllocs()
	for b.Loop() {
		if entitlement.DecideInto(&s, &q, &d); !d.Allowed {
			b.Fatal(d.Reason)
		}
	}
}

// askedOften is the question of a booking page: a courier, some use counted.
func askedOften(tb testing.TB) (entitlement.Snapshot, entitlement.Query) {
	s := snapshot(tb, carrier(tb), employee(tb, "Курьер", "2024-03-01", ""))
	q := query(tb, "psychologist", "2026-12-01T10:00:00+03:00")
	q.Used = entitlement.UsedEach(3)
	return s, q
}

// TestDecideIntoAllocatesNothing pins what the hot paths of server and client
// rest on.
func TestDecideIntoAllocatesNothing(t *testing.T) {
	s, q := askedOften(t)
	var d entitlement.Decision
	if n := testing.AllocsPerRun(100, func() { entitlement.DecideInto(&s, &q, &d) }); n != 0 || !d.Allowed {
		t.Errorf("%v allocations, %s", n, d.Reason)
	}
}
