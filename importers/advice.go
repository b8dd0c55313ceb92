package importers

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
)

// Advice returns what the person who sent a list is told of a problem: what is
// wrong and what to do, in one or two sentences of the given language (English
// for one that we do not speak). It never holds a value of the list. The texts
// are in templates/rosters/problems.yaml; a code that is not there gives "".
func Advice(code tenancy.ProblemCode, lang tenancy.Language) string {
	return theAdvice()[code].InOrEnglish(lang)
}

// theAdvice is read once, like theDictionary.
var theAdvice = sync.OnceValue(func() map[tenancy.ProblemCode]tenancy.Text {
	all, err := readAdvice()
	if err != nil {
		panic("templates/rosters/problems.yaml: " + err.Error())
	}
	return all
})

func readAdvice() (map[tenancy.ProblemCode]tenancy.Text, error) {
	text, err := templates.FS.ReadFile("rosters/problems.yaml")
	if err != nil {
		return nil, err
	}
	var all map[tenancy.ProblemCode]tenancy.Text
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, err
	}
	for code, advice := range all {
		if advice.Ru == "" || advice.Kk == "" || advice.En == "" {
			return nil, fmt.Errorf("%s is not told in every language", code)
		}
	}
	return all, nil
}

// IsAdvice reports whether a column's name is that of the advice which our
// error workbook adds: such a column is never read.
func IsAdvice(name string) bool { return theDictionary().advice[plain(name)] }

// withoutAdvice drops the columns that our error workbook has added, so that
// they weigh nothing in the search for the header, and says which they are.
func withoutAdvice(lines []book.Line) (rest []book.Line, columns []int) {
	for i, l := range lines {
		for _, c := range l.Cells {
			if IsAdvice(c.Text) && !slices.Contains(columns, c.Column) {
				columns = append(columns, c.Column)
			}
		}
		if len(columns) > 0 {
			lines[i].Cells = slices.DeleteFunc(l.Cells, func(c book.Cell) bool { return slices.Contains(columns, c.Column) })
		}
	}
	return lines, columns
}

// withoutAdvice drops what our error workbook has written beside a line, so
// that nobody takes it for a department or a remark.
func (r *rowReader) withoutAdvice(l book.Line) book.Line {
	if len(r.advice) > 0 {
		l.Cells = slices.DeleteFunc(l.Cells, func(c book.Cell) bool { return slices.Contains(r.advice, c.Column) })
	}
	return l
}
