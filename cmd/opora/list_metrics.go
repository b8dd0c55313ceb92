package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/internal/roster"
)

// listMetrics measures promised lists when it is asked, and not more often than
// once a minute: the answer changes at midnight and when a list is applied.
type listMetrics struct {
	due  func(context.Context, time.Time) ([]roster.ListStatus, error)
	desc *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	days  map[string]int
}

const (
	listMetricsFor  = time.Minute
	listMetricsTime = 5 * time.Second
)

func newListMetrics(due func(context.Context, time.Time) ([]roster.ListStatus, error)) *listMetrics {
	return &listMetrics{due: due, desc: prometheus.NewDesc("opora_roster_overdue",
		"For how many days a tenant's promised list is overdue; 0 when it is not. Only tenants that have promised lists.", []string{"tenant"}, nil)}
}

// Describe implements prometheus.Collector.
func (l *listMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

// Collect implements prometheus.Collector. While PostgreSQL does not answer,
// what was known last is not told: it may not be so any more.
func (l *listMetrics) Collect(ch chan<- prometheus.Metric) {
	for tenant, days := range l.now(time.Now()) {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(days), tenant)
	}
}

func (l *listMetrics) now(now time.Time) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.asked) < listMetricsFor {
		return l.days
	}
	ctx, cancel := context.WithTimeout(context.Background(), listMetricsTime)
	defer cancel()
	all, err := l.due(ctx, now)
	l.asked, l.days = now, map[string]int{}
	if err != nil {
		return nil
	}
	for _, s := range all {
		l.days[string(s.Tenant)] = 0
		for _, p := range s.Promises {
			l.days[string(s.Tenant)] = max(l.days[string(s.Tenant)], p.Days)
		}
	}
	return l.days
}
