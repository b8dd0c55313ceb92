package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLongLinesHangUnderTheirLastColumn(t *testing.T) {
	for line, want := range map[string]string{
		"state     planned": "state     planned\n",
		"warning   line 5, column A: В адресе почты перемешаны русские и латинские буквы (email_suspect)": "" +
			"warning   line 5, column A: В адресе\n          почты перемешаны русские и\n          латинские буквы\n          (email_suspect)\n",
		"5     update  17      department: Склад → Касса; position: Курьер": "" +
			"5     update  17      department: Склад\n                      → Касса; position:\n                      Курьер\n",
	} {
		got := fold(line, 40)
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		for _, l := range strings.Split(got, "\n") {
			if utf8.RuneCountInString(l) > 40 {
				t.Errorf("wider than the terminal: %q", l)
			}
		}
	}
	if long := strings.Repeat("слово ", 30) + "конец\n"; fold(long, 0) != long {
		t.Error("a line for a program was broken")
	}
}
