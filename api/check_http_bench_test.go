package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/entitlement"
)

// BenchmarkCheckOverHTTP tells the processor's time of a check and of a bare
// handler, client and connection included, by turns: the ratio of their rates
// on a machine that does nothing else, measured on one that does.
func BenchmarkCheckOverHTTP(b *testing.B) {
	raw, verifier := aToken(b)
	w := newWorld(b)
	opora := httptest.NewServer(api.New(api.Options{
		Tokens: verifier, Snapshots: known{entitlement.NewSnapshot(w.terms, anEmployee(), "12.3")}, Rosters: w, Employees: w,
		Metrics: prometheus.NewRegistry(), Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}))
	defer opora.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	ask := func(base string) []byte {
		r, _ := http.NewRequest("POST", base+"/v1/entitlements/check", bytes.NewReader([]byte(checkBody)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+raw)
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 {
			b.Fatalf("%s", body)
		}
		return body
	}
	answer := ask(opora.URL)
	mux := chi.NewRouter()
	mux.Post("/v1/entitlements/check", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	bare := httptest.NewServer(mux)
	defer bare.Close()
	var cost [2]time.Duration
	asked := 0
	for b.Loop() {
		const turn = 200
		for side, base := range []string{opora.URL, bare.URL} {
			began := processorTime()
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					for range turn {
						ask(base)
					}
				})
			}
			all.Wait()
			cost[side] += processorTime() - began
		}
		asked += 16 * turn
	}
	b.ReportMetric(float64(cost[0].Nanoseconds())/float64(asked), "opora-cpu-ns/check")
	b.ReportMetric(float64(cost[1].Nanoseconds())/float64(asked), "bare-cpu-ns/check")
	b.ReportMetric(float64(cost[1])/float64(cost[0]), "ratio")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
