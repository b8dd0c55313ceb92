package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ponimayu/opora/internal/roster"
)

func TestListMetrics(t *testing.T) {
	asked := 0
	var fail error
	metrics := newListMetrics(func(context.Context, time.Time) ([]roster.ListStatus, error) {
		asked++
		return []roster.ListStatus{
			{Tenant: "cdek", Overdue: true, Promises: []roster.Promise{{}, {Overdue: true, Days: 3}}},
			{Tenant: "avito", Promises: []roster.Promise{{}}},
		}, fail
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	scrape := func() string {
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		return answer.Body.String()
	}
	for range 3 {
		if got := scrape(); !strings.Contains(got, `opora_roster_overdue{tenant="cdek"} 3`) || !strings.Contains(got, `opora_roster_overdue{tenant="avito"} 0`) {
			t.Errorf("%s", got)
		}
	}
	if asked != 1 {
		t.Errorf("the database was asked %d times", asked)
	}
	fail = errors.New("down")
	metrics.asked = metrics.asked.Add(-2 * listMetricsFor)
	if got := scrape(); strings.Contains(got, "opora_roster_overdue{") {
		t.Errorf("what was known last is told: %s", got)
	}
}
