package entitlement_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
)

func BenchmarkDecide(b *testing.B) {
	s := snapshot(b, carrier(b), employee(b, "Курьер", "2024-03-01", ""))
	q := query(b, "psychologist", "2026-12-01T10:00:00+03:00")
	q.Used = entitlement.UsedEach(3)
	b.ReportAllocs()
	for b.Loop() {
		if d := entitlement.Decide(s, q); !d.Allowed {
			b.Fatal(d.Reason)
		}
	}
}
