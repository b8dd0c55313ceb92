package job

import (
	"context"
	"errors"
	"iter"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/roster"
)

// Reading is an upload whose whole file a child process has read and found
// sound. Its records are handed over one by one, so that a list of a million
// rows is never in this process's memory.
type Reading struct {
	next    func() (importers.Record, error, bool)
	stop    func()
	first   importers.Record
	any     bool
	summary importers.Summary
}

// errEnough ends the child when nobody takes its records any more.
var errEnough = errors.New("no more records are wanted")

// read starts a child on the upload's file at path and waits until it has read all of
// it. A file that cannot be taken is a tenancy.Problem. Whoever has a Reading
// closes it.
func read(ctx context.Context, path string, p *Parsing) (*Reading, error) {
	r := &Reading{}
	r.next, r.stop = iter.Pull2(func(yield func(importers.Record, error) bool) {
		rows, lines := 0, 0
		p.Options.Progress = func(n int) {
			lines = n
			p.Note(roster.ReadingRows, n, 0)
		}
		summary, err := importers.ParseIsolated(ctx, path, p.Options, func(record importers.Record) error {
			rows++
			p.Note(roster.ReadingRows, rows, atLeast(lines, rows))
			if !yield(record, nil) {
				return errEnough
			}
			return nil
		})
		r.summary = summary
		if err != nil && !errors.Is(err, errEnough) {
			yield(importers.Record{}, err)
		}
	})
	var err error
	if r.first, err, r.any = r.next(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// atLeast is the number of lines that were told while the file was read, which
// is none of a short file and may be short of the last; 0 when it says nothing.
func atLeast(lines, rows int) int {
	if lines < rows {
		return 0
	}
	return lines
}

// Records gives the records in file order, once. An error is the last thing
// that comes: the child may die, or find the worst, after it has handed over
// some, and what was taken until then is then no list.
func (r *Reading) Records() iter.Seq2[importers.Record, error] {
	return func(yield func(importers.Record, error) bool) {
		record, ok := r.first, r.any
		for ok && yield(record, nil) {
			var err error
			if record, err, ok = r.next(); err != nil {
				yield(record, err)
				return
			}
		}
	}
}

// Summary says what the file was and how its lines were counted; it is there
// when the records have ended without an error.
func (r *Reading) Summary() importers.Summary { return r.summary }

// Close ends the child. It may be called more than once.
func (r *Reading) Close() { r.stop() }
