package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// RemoveChanges shortens the feed of changes to what is kept of it.
type RemoveChanges struct{}

// Kind implements river.JobArgs.
func (RemoveChanges) Kind() string { return "remove_changes" }

// ChangeLog is where the feed of changes is kept.
type ChangeLog interface {
	// RemoveChanges removes what the feed told before the instant; a reader who
	// has not come so far needs a snapshot. It does what it can until ctx ends.
	RemoveChanges(ctx context.Context, before time.Time) error
}

type removeChanges struct {
	river.WorkerDefaults[RemoveChanges]
	changes ChangeLog
	keep    time.Duration
}

// Work implements river.Worker.
func (w *removeChanges) Work(ctx context.Context, _ *river.Job[RemoveChanges]) error {
	return w.changes.RemoveChanges(ctx, time.Now().Add(-w.keep))
}
