package workbooks

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Marking says how a list was read and for whom it is marked.
type Marking struct {
	Options  importers.Options `json:"options"` // what Parse was told
	Summary  importers.Summary `json:"summary"` // what Parse said
	Language tenancy.Language  `json:"language"`
}

// Mark writes the list at path as an .xlsx workbook in which the problems are
// to be seen: bad cells are coloured (red: the row is not taken, yellow: it is),
// and a column is added that says what to do. The importer does not read that
// column, so that the corrected workbook is uploaded as it is. Rows of people of
// another country are emptied: their line number and the reason is all that
// stays.
//
// A workbook (.xlsx, .xlsm) stays the sender's own: every part is copied, and
// the sheet of the list and its styles are changed as they stream by; macros
// are left out. What is in another format, or cannot be changed so without a
// risk, becomes a new workbook of the same lines and cells.
//
// problems are those of the list in any order; those without a line are passed
// over. An error of theirs is returned as it is.
func Mark(ctx context.Context, path string, m Marking, problems iter.Seq2[tenancy.Problem, error], to io.Writer) error {
	m.Options.Sheet = m.Summary.Sheet
	columns := make(map[string]string, len(m.Summary.Mapping))
	for field, letter := range m.Summary.Mapping {
		columns[string(field)] = letter
	}
	f, err := collectFaults(problems, columns, m.Language)
	if err != nil {
		return err
	}
	p, err := openPatch(ctx, path, m, f)
	if err != nil {
		return err
	}
	if p == nil {
		return markAnew(ctx, path, m, f, to)
	}
	defer p.close()
	return p.write(ctx, to)
}

// errEnough ends a reading of lines early.
var errEnough = errors.New("enough lines")

// shape is what a list looks like: the last column that holds anything, the
// header's columns, and a column of advice of an earlier marking (-1: none).
type shape struct{ last, columns, advice int }

// shapeOf reads the lines once. The first of them give the header, all of them
// the last column.
func shapeOf(ctx context.Context, path string, m Marking, headerOnly bool) (shape, error) {
	s := shape{last: -1, advice: -1}
	_, err := importers.Lines(ctx, path, m.Options, func(l book.Line) error {
		for _, c := range l.Cells {
			s.last = max(s.last, c.Column)
			if l.No == m.Summary.HeaderLine {
				s.columns = c.Column + 1
				if importers.IsAdvice(c.Text) {
					s.advice = c.Column
				}
			}
		}
		if headerOnly && l.No >= m.Summary.HeaderLine {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return s, err
}

// markAnew writes a new workbook with the lines of the list.
func markAnew(ctx context.Context, path string, m Marking, f *faults, to io.Writer) error {
	s, err := shapeOf(ctx, path, m, false)
	if err != nil {
		return err
	}
	advice := s.advice
	if advice < 0 {
		advice = s.last + 1
	}
	frame := listFrame{sheet: sheetName(m), header: m.Summary.HeaderLine, columns: advice + 1, widths: widthsOf(m.Summary.Mapping)}
	frame.widths[advice] = adviceWidth
	w, err := newListWriter(to, frame)
	if err != nil {
		return err
	}
	merges, err := importers.Lines(ctx, path, m.Options, func(l book.Line) error {
		here := f.of(l.No)
		height := heightOf(f.advice(here))
		if l.No == m.Summary.HeaderLine {
			height = max(height, headHeight)
		}
		if err := w.begin(l.No, height); err != nil {
			return err
		}
		w.marked(l, m, f, here, advice)
		return w.end()
	})
	if err != nil {
		return err
	}
	w.merges = merges
	return w.close()
}

// widthsOf are the widths that the columns of a list have in what we write.
func widthsOf(mapping importers.Mapping) map[int]float64 {
	widths := map[int]float64{}
	for _, c := range columns {
		if at, ok := book.ColumnOf(mapping[c.field]); ok {
			widths[at] = c.width
		}
	}
	if at, ok := book.ColumnOf(mapping[importers.FieldFullName]); ok {
		widths[at] = 34
	}
	return widths
}

// sheetName is the name of the sheet of a new workbook: the one it had, where
// Excel takes it.
func sheetName(m Marking) string {
	if name := m.Summary.Sheet; name != "" && utf8.RuneCountInString(name) <= 31 && !strings.ContainsAny(name, `:\/?*[]`) && strings.Trim(name, "'") == name {
		return name
	}
	return tenancy.Text{Ru: "Список", Kk: "Тізім", En: "List"}.InOrEnglish(m.Language)
}

// marked adds the cells of a line with their marks and the advice.
func (w *listWriter) marked(l book.Line, m Marking, f *faults, here []fault, advice int) {
	weights := map[int]weight{}
	for _, x := range here {
		weights[int(x.column)] = max(weights[int(x.column)], x.weight)
	}
	at := 0
	for column := range advice {
		has := at < len(l.Cells) && l.Cells[at].Column == column
		switch {
		case has && l.No == m.Summary.HeaderLine:
			w.text(column, headLook, l.Cells[at].Text)
		case has && !f.blank[l.No]:
			w.copyOf(l.Cells[at], weights[column])
		case weights[column] != fine && !f.blank[l.No]:
			w.empty(column, textLook.coloured(weights[column]))
		}
		if has {
			at++
		}
	}
	switch {
	case l.No == m.Summary.HeaderLine:
		w.text(advice, headLook, adviceName.InOrEnglish(m.Language))
	case len(here) > 0:
		w.text(advice, adviceLook.coloured(worst(here)), f.advice(here))
	}
}
