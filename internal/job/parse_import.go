package job

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/riverqueue/river"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Parsing is an import that this process has claimed for parsing. Claim is the
// fencing token: without it nothing is written any more.
type Parsing struct {
	Import  roster.ImportID
	Tenant  tenancy.TenantSlug
	Claim   string
	Mode    roster.Mode
	Options importers.Options
	// Scan looks for what would harm whoever opens the file, before anything of
	// it is read. A tenancy.Problem ends the import; tenancy.Unavailable means
	// that the scanner cannot say now. nil: nothing is scanned.
	Scan func(ctx context.Context, file io.Reader) error
	// File is where the upload is for this process and its children, as long as
	// FinishParse runs: a path of a file that is on no disk.
	File string
	// Waits says why an abandoned import waits; nil when for nothing but a try.
	Waits *tenancy.Problem

	// Spent says where the time of FinishParse went; for measurements.
	Spent Spent

	watch *watch
}

// Spent says where the time went after a file was read: taking the rows from
// the child into PostgreSQL, writing from there what is kept, comparing and
// planning, and making the workbook that shows what is wrong.
type Spent struct{ Receive, Store, Compare, Mark time.Duration }

// Note says how far the work is; it is written with the next sign of life.
func (p *Parsing) Note(phase roster.Phase, rows, of int) {
	if p.watch != nil {
		p.watch.note(roster.Progress{Phase: phase, Rows: rows, Of: of})
	}
}

// Uploads is where received imports wait and what was read of them goes.
type Uploads interface {
	// BeginParse claims an import. It returns nil when there is nothing to do
	// any more, and ErrBusy while another process has the claim.
	BeginParse(ctx context.Context, id roster.ImportID) (*Parsing, error)
	// WriteUpload writes the opened upload.
	WriteUpload(ctx context.Context, p *Parsing, to io.Writer) error
	// FinishParse stores the rows as they come, compares them with the people
	// and plans. It ends the import itself when the list turns out to be none.
	FinishParse(ctx context.Context, p *Parsing, list *Reading) error
	// KeepParse keeps the claim for KeepParseFor more and writes how far the work
	// is. ErrLost says that the claim is another's, or that somebody has
	// cancelled the import.
	KeepParse(ctx context.Context, p *Parsing, progress roster.Progress) error
	// AbandonParse gives the claim back, for another try.
	AbandonParse(ctx context.Context, p *Parsing) error
	// WakeParses puts imports into the queue again that should be parsed and that
	// nobody parses.
	WakeParses(ctx context.Context) error
	// FailParse ends an import whose file cannot be taken.
	FailParse(ctx context.Context, p *Parsing, problem tenancy.Problem) error
}

// ErrBusy says that another process is at it.
var ErrBusy = errors.New("another process is doing this")

// Parse reads an import's upload and plans it. What is wrong with the file is
// written on the import and is no error of Parse.
func Parse(ctx context.Context, uploads Uploads, id roster.ImportID) error {
	p, err := uploads.BeginParse(ctx, id)
	if err != nil || p == nil {
		return err
	}
	held, watch := keepWatch(ctx, uploads, p)
	err = parse(held, uploads, p)
	if lost := watch.end() || errors.Is(err, ErrLost); lost && err != nil {
		return nil // cancelled, or another's by now: there is nothing to tell
	}
	if err != nil {
		// Nobody should have to wait until the claim runs out.
		releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return errors.Join(err, uploads.AbandonParse(releasing, p))
	}
	return nil
}

// parse reads the upload from a file in memory, which has no name and is gone
// with its descriptor: what is open is on no disk.
func parse(ctx context.Context, uploads Uploads, p *Parsing) error {
	file, path, err := importers.MemoryFile()
	if err != nil {
		return err
	}
	defer file.Close()
	p.File = path
	list, err := readUpload(ctx, uploads, p, file)
	var problem tenancy.Problem
	if errors.As(err, &problem) {
		return uploads.FailParse(ctx, p, problem)
	}
	if said, ok := refused(err); ok {
		return uploads.FailParse(ctx, p, said)
	}
	if err != nil {
		return err
	}
	defer list.Close()
	return uploads.FinishParse(ctx, p, list)
}

// refused is the problem in an error that says that what was told with the
// list, such as its mapping, cannot be: to try again does not help.
func refused(err error) (tenancy.Problem, bool) {
	var e *tenancy.Error
	if !errors.As(err, &e) || e.Kind != tenancy.Invalid {
		return tenancy.Problem{}, false
	}
	return tenancy.Problem{Code: tenancy.ProblemCode(e.Code), Severity: tenancy.SeverityError, Message: e.Message}, true
}

// readUpload writes the upload to the file, has it scanned and read.
func readUpload(ctx context.Context, uploads Uploads, p *Parsing, file *os.File) (*Reading, error) {
	if err := uploads.WriteUpload(ctx, p, file); err != nil {
		return nil, err
	}
	if err := scan(ctx, p, file); err != nil {
		return nil, err
	}
	p.Note(roster.ReadingRows, 0, 0)
	return read(ctx, p.File, p)
}

// scan has the file scanned, from its beginning, where there is a scanner.
func scan(ctx context.Context, p *Parsing, file io.ReadSeeker) error {
	if p.Scan == nil {
		return nil
	}
	p.Note(roster.Scanning, 0, 0)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	err := p.Scan(ctx, file)
	if tenancy.KindOf(err) == tenancy.Unavailable && ctx.Err() == nil {
		p.Waits = &tenancy.Problem{Code: "scanner_unavailable", Severity: tenancy.SeverityWarning,
			Message: "The list waits for the scanner of files, which does not answer; it is tried again every few seconds, and nothing need be done but to see that the scanner runs."}
	}
	return err
}

// parseImport is the worker of ParseImport.
type parseImport struct {
	river.WorkerDefaults[ParseImport]
	uploads Uploads
}

// Work implements river.Worker.
func (w *parseImport) Work(ctx context.Context, j *river.Job[ParseImport]) error {
	err := Parse(ctx, w.uploads, j.Args.Import)
	switch {
	case errors.Is(err, ErrBusy):
		return river.JobSnooze(10 * time.Second)
	case IsWaiting(err):
		return river.JobSnooze(ScanAgain)
	case err != nil && j.Attempt >= parseTries && tenancy.KindOf(err) != tenancy.Unavailable && ctx.Err() == nil:
		if gaveUp := giveUpParse(ctx, w.uploads, j.Args.Import); gaveUp != nil {
			return errors.Join(err, gaveUp)
		}
		return river.JobCancel(err)
	}
	return err
}

// ScanAgain is how long a list waits before a scanner that did not answer is
// asked again. It waits without end: a list that nobody has scanned is not read.
const ScanAgain = 5 * time.Second

// IsWaiting reports whether a parse waits for the scanner alone.
func IsWaiting(err error) bool {
	var e *tenancy.Error
	return errors.As(err, &e) && e.Code == "scanner_unavailable"
}

// parseTries is how often a parse is tried that fails for no fault of the file
// and of no server that is down: whoever uploaded it should not wait for ever.
const parseTries = 3

// giveUpParse ends an import that cannot be parsed, and says so on it.
func giveUpParse(ctx context.Context, uploads Uploads, id roster.ImportID) error {
	p, err := uploads.BeginParse(ctx, id)
	if err != nil || p == nil {
		return err
	}
	return uploads.FailParse(ctx, p, tenancy.Problem{Code: "parse_failed", Severity: tenancy.SeverityError,
		Message: "The list could not be taken, by a fault of ours and not of the file; nothing was changed. Upload it again, and tell the platform's support if this stays."})
}

// Timeout implements river.Worker: a hundred thousand rows take part of a minute,
// a million some minutes on a busy machine.
func (w *parseImport) Timeout(*river.Job[ParseImport]) time.Duration { return 20 * time.Minute }
