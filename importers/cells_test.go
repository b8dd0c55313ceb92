package importers

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ponimayu/opora/importers/book"
)

// What our error workbook has written beside the rows is nobody's department,
// and a row that it has emptied is a blank line.
func TestTheColumnOfAdviceIsNotRead(t *testing.T) {
	for _, name := range []string{"Что исправить", "Нені түзету керек", "What to correct"} {
		p := mustParse(t, []byte("Табельный номер;ФИО;Телефон;Отдел;"+name+"\n"+
			"1;Иванов Иван;+79161234567;Склад;\n"+
			";;;;Человек живёт в другой стране\n"+
			"2;Петров Пётр;+79161234568;;Итого: исправьте отдел\n"), russianList())
		rows := p.rows()
		if len(rows) != 2 || rows[1].Row.Department != "" || p.reasons()[3] != Blank {
			t.Errorf("%s: %+v, lines left out %v", name, rows, p.reasons())
		}
		if _, mapped := p.summary.Names[name]; mapped {
			t.Errorf("%s is mapped", name)
		}
	}
}

func TestLinesAreThoseOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte("Список;;\nТаб. №;ФИО;Телефон\n1;Иванов  Иван;\n\nИтого;;1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got [][]book.Cell
	_, err := Lines(context.Background(), path, russianList(), func(l book.Line) error {
		if l.No != len(got)+1 {
			t.Errorf("line %d follows %d others", l.No, len(got))
		}
		got = append(got, append([]book.Cell{}, l.Cells...))
		return nil
	})
	if err != nil || len(got) != 5 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	if len(got[2]) != 2 || got[2][1] != (book.Cell{Column: 1, Text: "Иванов Иван"}) || len(got[3]) != 0 || got[4][1].Column != 2 {
		t.Errorf("%+v", got)
	}
}
