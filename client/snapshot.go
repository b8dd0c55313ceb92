package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// maxLine is the longest line of a snapshot, in bytes: that of the terms of all
// tenants.
const maxLine = 64 << 20

// errStalled is why a snapshot is given up whose next line does not come.
var errStalled = errors.New("the next line did not come")

// taken is a snapshot, whole.
type taken struct {
	directory *entitlement.Directory
	cursor    Cursor
	terms     int64
	broken    []tenancy.TenantSlug
	asOf      reading
	hasTerms  bool
	employees int
	ended     bool
}

// takeSnapshot reads a snapshot, beside what answers are given from meanwhile.
// One that is cut short, or does not hold what its last line says, is refused.
func (f *follower) takeSnapshot(ctx context.Context) (*taken, error) {
	ctx, cancel := context.WithTimeout(ctx, f.pace.whole)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stall := time.AfterFunc(f.pace.line, func() { stop(errStalled) })
	defer stall.Stop()

	t := &taken{directory: entitlement.NewDirectory(), asOf: f.client.clock()}
	body, err := f.opora.get(ctx, snapshot, nil, nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	f.costly++
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		stall.Reset(f.pace.line)
		if err := t.line(lines.Bytes()); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case err != nil && context.Cause(ctx) != nil:
		return nil, unreached(snapshot, context.Cause(ctx))
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, unreached(snapshot, err)
	case !t.ended:
		return nil, broken(snapshot, "was cut short")
	}
	return t, nil
}

// line takes in one line: the cursor first, then the terms, then employees,
// then the end with their number.
func (t *taken) line(line []byte) error {
	var item entitlement.Change
	if err := json.Unmarshal(line, &item); err != nil {
		return broken(snapshot, "has a line that is no JSON")
	}
	switch {
	case t.ended:
		return broken(snapshot, "goes on after its end")
	case item.Type == entitlement.SnapshotBegins:
		if t.cursor != "" || item.Cursor == "" {
			return broken(snapshot, "has no cursor, or two")
		}
		t.cursor = item.Cursor
	case t.cursor == "":
		return broken(snapshot, "does not begin with its cursor")
	case item.Type == entitlement.TermsChanged:
		return t.setTerms(line)
	case !t.hasTerms:
		return broken(snapshot, "has no terms before its employees")
	case item.Type == entitlement.EmployeeChanged:
		if item.Employee == nil {
			return broken(snapshot, "has an employee of whom nothing is told")
		}
		t.directory.Put(*item.Employee)
		t.employees++
	case item.Type == entitlement.SnapshotEnds:
		if item.Employees != t.employees {
			return broken(snapshot, "was cut short")
		}
		t.ended = true
	}
	return nil
}

// setTerms takes in the line of the terms.
func (t *taken) setTerms(line []byte) error {
	if t.hasTerms {
		return broken(snapshot, "has terms twice")
	}
	var item entitlement.Change
	if err := decodeTerms(line, &item); err != nil {
		return broken(snapshot, err.Error())
	}
	if item.Terms == nil {
		return broken(snapshot, "has no terms")
	}
	compiled, broken := compile(*item.Terms)
	t.terms, t.broken, t.hasTerms = item.Terms.Revision, broken, true
	t.directory.SetTerms(t.terms, compiled)
	return nil
}
