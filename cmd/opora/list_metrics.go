package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/internal/roster"
)

// listMetrics measures promised lists when it is asked, and not more often than
// once a minute: the answer changes at midnight and when a list is applied.
type listMetrics struct {
	recent[[]roster.ListStatus]
	desc *prometheus.Desc
}

const listMetricsFor = time.Minute

func newListMetrics(due func(context.Context, time.Time) ([]roster.ListStatus, error)) *listMetrics {
	return &listMetrics{
		recent: recent[[]roster.ListStatus]{ask: due, term: listMetricsFor},
		desc: prometheus.NewDesc("opora_roster_overdue",
			"For how many days a tenant's promised list is overdue; 0 when it is not. Only tenants that have promised lists.", []string{"tenant"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (l *listMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

// Collect implements prometheus.Collector.
func (l *listMetrics) Collect(ch chan<- prometheus.Metric) {
	days := map[string]int{}
	for _, s := range l.at(time.Now()) {
		days[string(s.Tenant)] = 0
		for _, p := range s.Promises {
			days[string(s.Tenant)] = max(days[string(s.Tenant)], p.Days)
		}
	}
	for tenant, n := range days {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(n), tenant)
	}
}
