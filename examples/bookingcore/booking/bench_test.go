package booking

import (
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkBook books side by side: each for himself, and all from one pool,
// where everybody stands in line.
func BenchmarkBook(b *testing.B) {
	const people = 1000
	for _, per := range []string{"employee", "tenant"} {
		b.Run(per, func(b *testing.B) {
			w := newWorld(b, func(o *fakeOpora) {
				o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 1_000_000, per, "contract")))
				for i := range people {
					o.employs("acme", person(i), "2020-01-01", "")
				}
			})
			var n atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(n.Add(1))
					if _, err := w.Book(b.Context(), key(), wishes(person(i%people), now.Add(time.Duration(i)*time.Second))); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
			w.audited()
		})
	}
}
