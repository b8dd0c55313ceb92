package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/internal/webhook"
)

// webhookMetrics measures webhooks when it is asked, and not more often than
// every few seconds. Their ids tell nothing of whom they belong to.
type webhookMetrics struct {
	read              func(context.Context) ([]webhook.Subscription, error)
	disabled, failing *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	known []webhook.Subscription
}

const (
	webhookMetricsFor  = 15 * time.Second
	webhookMetricsTime = 5 * time.Second
)

func newWebhookMetrics(read func(context.Context) ([]webhook.Subscription, error)) *webhookMetrics {
	return &webhookMetrics{read: read,
		disabled: prometheus.NewDesc("opora_webhook_disabled", "1 when a webhook gets nothing, and why: asked, gone (its receiver answered 410) or failing (five days long); 0 when it is enabled.", []string{"webhook", "reason"}, nil),
		failing:  prometheus.NewDesc("opora_webhook_failing_seconds", "For how long nothing could be delivered to a webhook; 0 when the last try came through.", []string{"webhook"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (w *webhookMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- w.disabled; ch <- w.failing }

// Collect implements prometheus.Collector. While PostgreSQL does not answer,
// what was known last is not told.
func (w *webhookMetrics) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range w.now(now) {
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

func (w *webhookMetrics) now(now time.Time) []webhook.Subscription {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.asked) < webhookMetricsFor {
		return w.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), webhookMetricsTime)
	defer cancel()
	all, err := w.read(ctx)
	if w.asked, w.known = now, all; err != nil {
		w.known = nil
	}
	return w.known
}
