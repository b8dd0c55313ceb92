package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/ponimayu/opora/internal/roster"
)

// WatchLists looks for promised lists that have not come.
type WatchLists struct{}

// Kind implements river.JobArgs.
func (WatchLists) Kind() string { return "watch_lists" }

// Lists is where the lists that came are known, and those that were promised.
type Lists interface {
	// OverdueLists returns the tenants whose list is overdue at the instant and
	// of whom it was not returned before on that day, in the contract's zone.
	OverdueLists(ctx context.Context, now time.Time) ([]roster.ListStatus, error)
}

type watchLists struct {
	river.WorkerDefaults[WatchLists]
	lists Lists
	log   *slog.Logger
}

// Work implements river.Worker: who watches the log is told once a day.
func (w *watchLists) Work(ctx context.Context, _ *river.Job[WatchLists]) error {
	overdue, err := w.lists.OverdueLists(ctx, time.Now())
	for _, s := range overdue {
		for _, p := range s.Promises {
			if p.Overdue {
				w.log.Warn("a promised list has not come; whoever left keeps access meanwhile", "tenant", s.Tenant, "legal_entity", p.LegalEntity, "due", p.Due.String(), "days", p.Days)
			}
		}
	}
	return err
}
