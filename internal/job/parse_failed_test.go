package job

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// brokenUploads cannot give the upload back.
type brokenUploads struct {
	err    error
	failed []tenancy.Problem
}

func (b *brokenUploads) BeginParse(_ context.Context, id roster.ImportID) (*Parsing, error) {
	return &Parsing{Import: id}, nil
}
func (b *brokenUploads) WriteUpload(context.Context, *Parsing, io.Writer) error { return b.err }
func (b *brokenUploads) FinishParse(context.Context, *Parsing, *Reading) error {
	return errors.New("nothing was parsed")
}
func (b *brokenUploads) WakeParses(context.Context) error                           { return nil }
func (b *brokenUploads) KeepParse(context.Context, *Parsing, roster.Progress) error { return nil }
func (b *brokenUploads) AbandonParse(context.Context, *Parsing) error               { return nil }
func (b *brokenUploads) FailParse(_ context.Context, _ *Parsing, problem tenancy.Problem) error {
	b.failed = append(b.failed, problem)
	return nil
}

func TestAParseThatCannotSucceedEnds(t *testing.T) {
	refused := tenancy.E(tenancy.Internal, "database_refused", "PostgreSQL refused a statement")
	down := tenancy.E(tenancy.Unavailable, "database_unavailable", "PostgreSQL does not answer")
	for _, c := range []struct {
		name    string
		err     error
		attempt int
		ends    bool
	}{
		{"the first time", refused, 1, false},
		{"again and again", refused, parseTries, true},
		{"while PostgreSQL is down", down, parseTries + 5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			uploads := &brokenUploads{err: c.err}
			work := &parseImport{uploads: uploads}
			err := work.Work(t.Context(), &river.Job[ParseImport]{JobRow: &rivertype.JobRow{Attempt: c.attempt}, Args: ParseImport{Import: "i"}})
			if !errors.Is(err, c.err) {
				t.Errorf("the job says %v", err)
			}
			if ended := len(uploads.failed) == 1 && uploads.failed[0].Code == "parse_failed"; ended != c.ends {
				t.Errorf("the import says %+v", uploads.failed)
			}
		})
	}
}
