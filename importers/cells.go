package importers

import (
	"context"
	"errors"
	"io"

	"github.com/ponimayu/opora/importers/book"
)

// Lines hands every line of the list that Parse reads with the same options to
// emit, as it stands in the file: titles, header, rows and notes alike, and
// returns its merged ranges that span lines. A line is valid until emit returns.
// The file is read as it comes: call it for a file that Parse has found sound.
// Errors are those of Parse.
func Lines(ctx context.Context, path string, opts Options, emit func(book.Line) error) ([]book.Merge, error) {
	b, err := book.Open(path, opts.Limits)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	found, err := findList(b, opts)
	if err != nil {
		return nil, err
	}
	src, err := found.open()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l, err := src.Next()
		if errors.Is(err, io.EOF) {
			return mergesOf(src), nil
		}
		if err != nil {
			return nil, err
		}
		if err := emit(l); err != nil {
			if g, ok := src.(book.Grid); ok {
				g.Stop()
			}
			return nil, err
		}
	}
}

// mergesOf are the merged ranges of what has been read to its end.
func mergesOf(src book.Source) []book.Merge {
	g, ok := src.(book.Grid)
	if !ok {
		return nil
	}
	return g.Layout().Merges
}
