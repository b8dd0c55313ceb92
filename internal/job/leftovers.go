package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// RemoveUploads removes what was uploaded and has had its time.
type RemoveUploads struct{}

// Kind implements river.JobArgs.
func (RemoveUploads) Kind() string { return "remove_uploads" }

// Terms are how long what has served is kept.
type Terms struct {
	Upload time.Duration // a list that nobody has read, and a workbook of errors; 7 days
	Plan   time.Duration // a plan that nobody applies; 30 days
	Rows   time.Duration // the rows of a list, after its import has ended; 30 days
	// Changes is how far back the feed of changes can be read again; 30 days.
	Changes time.Duration
}

const aDay = 24 * time.Hour

func (t Terms) orDefault() Terms {
	if t.Upload == 0 {
		t.Upload = 7 * aDay
	}
	if t.Plan == 0 {
		t.Plan = 30 * aDay
	}
	if t.Rows == 0 {
		t.Rows = 30 * aDay
	}
	if t.Changes == 0 {
		t.Changes = 30 * aDay
	}
	return t
}

// Leftovers is where uploads, plans and rows are kept.
type Leftovers interface {
	// RemoveUploads removes what is older at the instant than the terms allow.
	RemoveUploads(ctx context.Context, keep Terms, now time.Time) error
}

type removeUploads struct {
	river.WorkerDefaults[RemoveUploads]
	leftovers Leftovers
	keep      Terms
}

// Work implements river.Worker.
func (w *removeUploads) Work(ctx context.Context, _ *river.Job[RemoveUploads]) error {
	return w.leftovers.RemoveUploads(ctx, w.keep, time.Now())
}
