package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/webhook"
)

// checkWebhooks looks for receivers that are not told of changes.
func checkWebhooks(ctx context.Context, lookup func(string) (string, bool)) finding {
	const name = "webhooks"
	return checkStored(ctx, lookup, name, func(ctx context.Context, db *postgres.DB) finding {
		all, err := db.Subscriptions(ctx)
		if err != nil {
			return finding{name, checkNote, "not looked at: the schema is older"}
		}
		return judgeWebhooks(name, all)
	})
}

// judgeWebhooks reports those that nobody meant to be silent.
func judgeWebhooks(name string, all []webhook.Subscription) finding {
	var silent []string
	for _, s := range all {
		if s.DisabledReason != webhook.DisabledAsked && (!s.Enabled || !s.FailingSince.IsZero()) {
			silent = append(silent, fmt.Sprintf("%s (%s)", s.ID, webhookState(s)))
		}
	}
	if len(silent) > 0 {
		return finding{name, checkNote, "not told of changes: " + strings.Join(silent, ", ") + "; see opora webhook deliveries"}
	}
	if len(all) == 0 {
		return finding{name, checkOK, "there are none"}
	}
	return finding{name, checkOK, fmt.Sprintf("%d, none of them fails", len(all))}
}
