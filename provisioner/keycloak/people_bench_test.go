package keycloak

import (
	"fmt"
	"testing"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

// BenchmarkCreateAccounts makes 800 employees in batches of several sizes and
// tells how many a second.
func BenchmarkCreateAccounts(b *testing.B) {
	w := newWorld(b)
	w.mustApply()
	config := w.worker().config
	for _, size := range []int{20, 30, 40, 50, 80} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			config.BatchSize = size
			people, made := New(config).People(w.realm), 0
			for b.Loop() {
				b.StopTimer()
				var accounts []provisioner.Account
				for n := range 800 {
					accounts = append(accounts, targettest.Person("cdek", n))
				}
				b.StartTimer()
				outcomes, err := people.CreateAccounts(b.Context(), accounts)
				if err != nil {
					b.Fatal(err)
				}
				for _, o := range outcomes {
					if !o.Done {
						b.Fatalf("outcome %+v", o)
					}
				}
				made += len(accounts)
			}
			b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "employees/s")
		})
	}
}
