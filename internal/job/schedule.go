package job

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/robfig/cron/v3"
)

// EndLastDays takes access away from those whose last day of work is over, and
// looks after ops that nobody carries out any more.
type EndLastDays struct{}

// Kind implements river.JobArgs.
func (EndLastDays) Kind() string { return "end_last_days" }

// LastDays is where last days of work are known.
type LastDays interface {
	// EndLastDays lays down the ops for everybody whose last employment ended
	// since, in his tenant's time zone, and enqueues them; and it enqueues anew
	// for ops that have been open for long.
	EndLastDays(ctx context.Context) error
}

type endLastDays struct {
	river.WorkerDefaults[EndLastDays]
	days LastDays
}

// Work implements river.Worker.
func (w *endLastDays) Work(ctx context.Context, _ *river.Job[EndLastDays]) error {
	return w.days.EndLastDays(ctx)
}

// The schedules. Ten minutes are often enough for last days: Decide refuses a
// leaver at midnight by itself, this is for his sign-in. The others may be late.
const (
	everyTenMinutes = "*/10 * * * *"
	everyHour       = "7 * * * *"
)

// periodic lists what the clock starts. cron reads the schedule, River runs it
// on one machine at a time.
func periodic() []*river.PeriodicJob {
	at := func(spec string, args river.JobArgs) *river.PeriodicJob {
		schedule, err := cron.ParseStandard(spec)
		if err != nil {
			panic(err) // a constant
		}
		make := func() (river.JobArgs, *river.InsertOpts) { return args, nil }
		return river.NewPeriodicJob(schedule, make, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{at(everyTenMinutes, EndLastDays{}), at(everyHour, WatchLists{}), at(everyHour, RemoveUploads{}), at(everyHour, RemoveChanges{})}
}
