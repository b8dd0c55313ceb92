package workbooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

const markTask = "mark"

func init() { importers.RegisterTask(markTask, markAsTold) }

// markOrder is what the child is told before the problems.
type markOrder struct {
	Path    string  `json:"path"`
	Marking Marking `json:"marking"`
}

// MarkIsolated is Mark in a child process with bounds on memory, processor and
// time, as ParseIsolated is Parse: an uploaded file is not opened by the server
// itself. All problems are taken before the first byte is written.
func MarkIsolated(ctx context.Context, path string, m Marking, problems iter.Seq2[tenancy.Problem, error], to io.Writer) error {
	feed := func(w io.Writer) error {
		lines := json.NewEncoder(w)
		if err := lines.Encode(markOrder{path, m.Kept()}); err != nil {
			return err
		}
		for p, err := range problems {
			if err != nil {
				return err
			}
			if !Marks(p) {
				continue
			}
			if err := lines.Encode(p); err != nil {
				return err
			}
		}
		return nil
	}
	return importers.RunTask(ctx, markTask, feed, func(r io.Reader) error {
		_, err := io.Copy(to, r)
		return err
	})
}

// Kept is what of a Marking may be stored and passed on: how the list is found
// in its file, without the key of the national ids' hash and without the tenant.
func (m Marking) Kept() Marking {
	o := m.Options
	m.Options = importers.Options{Country: o.Country, Sheet: o.Sheet, Mapping: o.Mapping, HeaderLine: o.HeaderLine, Names: o.Names, Today: o.Today, Limits: o.Limits}
	return m
}

// markAsTold is the child's side of MarkIsolated.
func markAsTold(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := json.NewDecoder(in)
	var told markOrder
	if err := lines.Decode(&told); err != nil {
		return err
	}
	problems := func(yield func(tenancy.Problem, error) bool) {
		for {
			var p tenancy.Problem
			err := lines.Decode(&p)
			if errors.Is(err, io.EOF) || !yield(p, err) || err != nil {
				return
			}
		}
	}
	return Mark(ctx, told.Path, told.Marking, problems, out)
}
