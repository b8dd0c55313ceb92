package job

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// The parser's child is this binary.
func TestMain(m *testing.M) {
	importers.WorkIfAsked()
	os.Exit(m.Run())
}

// oneUpload is a single upload, which looks into the folder of temporary files
// while the upload is open.
type oneUpload struct {
	t       *testing.T
	content string
	temp    string
	rows    []importers.Record
	summary importers.Summary
	problem tenancy.Problem
}

func (u *oneUpload) look(when string) {
	files, err := filepath.Glob(filepath.Join(u.temp, "*"))
	if err != nil || len(files) > 0 {
		u.t.Errorf("%s there are files %v, %v", when, files, err)
	}
}

func (u *oneUpload) BeginParse(context.Context, roster.ImportID) (*Parsing, error) {
	return &Parsing{Tenant: "cdek", Options: importers.Options{Country: tenancy.Country{Code: "RU"}}}, nil
}

func (u *oneUpload) WriteUpload(_ context.Context, _ *Parsing, to io.Writer) error {
	_, err := io.WriteString(to, u.content)
	u.look("when it is written")
	return err
}

func (u *oneUpload) FinishParse(_ context.Context, _ *Parsing, list *Reading) error {
	u.look("when it is read")
	u.rows = nil
	for record, err := range list.Records() {
		if err != nil {
			return err
		}
		u.rows = append(u.rows, record)
	}
	u.summary = list.Summary()
	return nil
}

func (u *oneUpload) WakeParses(context.Context) error                           { return nil }
func (u *oneUpload) KeepParse(context.Context, *Parsing, roster.Progress) error { return nil }
func (u *oneUpload) AbandonParse(context.Context, *Parsing) error               { return nil }

func (u *oneUpload) FailParse(_ context.Context, _ *Parsing, problem tenancy.Problem) error {
	u.problem = problem
	return nil
}

// impatient takes one record, and no more.
type impatient struct {
	oneUpload
	abandoned bool
}

var errImpatient = errors.New("the transaction has failed")

func (u *impatient) FinishParse(_ context.Context, _ *Parsing, list *Reading) error {
	for range list.Records() {
		return errImpatient
	}
	return nil
}

func (u *impatient) AbandonParse(context.Context, *Parsing) error {
	u.abandoned = true
	return nil
}

// TestWhoStopsTakingRowsEndsTheChild: Parse waits for the child, which has far
// more to say than fits into the pipe and would wait for ever.
func TestWhoStopsTakingRowsEndsTheChild(t *testing.T) {
	u := &impatient{oneUpload: oneUpload{t: t, temp: t.TempDir()}}
	u.content = "Табельный номер;ФИО\n" + strings.Repeat("17;Примеров Иван Петрович\n", 20_000)
	ended := make(chan error)
	go func() { ended <- Parse(t.Context(), u, "i") }()
	select {
	case err := <-ended:
		if !errors.Is(err, errImpatient) || !u.abandoned {
			t.Errorf("the parse ended with %v, given back: %v", err, u.abandoned)
		}
	case <-time.After(time.Minute):
		t.Fatal("the child was not ended")
	}
}

func TestAnOpenUploadIsOnNoDisk(t *testing.T) {
	u := &oneUpload{t: t, temp: t.TempDir(), content: "Табельный номер;ФИО\n17;Примеров Иван Петрович\n18;Примерова Анна Петровна\n"}
	t.Setenv("TMPDIR", u.temp)
	if err := Parse(t.Context(), u, "i"); err != nil || u.problem.Code != "" {
		t.Fatal(err, u.problem)
	}
	if u.summary.Rows != 2 || len(u.rows) != 3 || u.rows[2].Row.FirstName != "Анна" {
		t.Errorf("read %+v", u.rows)
	}
	u.content = ""
	if err := Parse(t.Context(), u, "i"); err != nil || u.problem.Code != book.FileEmpty {
		t.Errorf("an empty upload: %v, %v", err, u.problem)
	}
}
