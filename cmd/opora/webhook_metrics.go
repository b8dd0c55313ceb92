package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/internal/webhook"
)

// webhookMetrics measures webhooks when it is asked, and not more often than
// every few seconds. Their ids tell nothing of whom they belong to.
type webhookMetrics struct {
	recent[[]webhook.Subscription]
	disabled, failing *prometheus.Desc
}

const webhookMetricsFor = 15 * time.Second

func newWebhookMetrics(read func(context.Context) ([]webhook.Subscription, error)) *webhookMetrics {
	ask := func(ctx context.Context, _ time.Time) ([]webhook.Subscription, error) { return read(ctx) }
	return &webhookMetrics{
		recent:   recent[[]webhook.Subscription]{ask: ask, term: webhookMetricsFor},
		disabled: prometheus.NewDesc("opora_webhook_disabled", "1 when a webhook gets nothing, and why: asked, gone (its receiver answered 410) or failing (five days long); 0 when it is enabled.", []string{"webhook", "reason"}, nil),
		failing:  prometheus.NewDesc("opora_webhook_failing_seconds", "For how long nothing could be delivered to a webhook; 0 when the last try came through.", []string{"webhook"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (w *webhookMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- w.disabled; ch <- w.failing }

// Collect implements prometheus.Collector.
func (w *webhookMetrics) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range w.at(now) {
		off, long := 0.0, 0.0
		if !s.Enabled {
			off = 1
		}
		if !s.FailingSince.IsZero() {
			long = now.Sub(s.FailingSince).Seconds()
		}
		ch <- prometheus.MustNewConstMetric(w.disabled, prometheus.GaugeValue, off, string(s.ID), string(s.DisabledReason))
		ch <- prometheus.MustNewConstMetric(w.failing, prometheus.GaugeValue, long, string(s.ID))
	}
}
