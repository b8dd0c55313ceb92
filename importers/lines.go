package importers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// noPerson tells the lines that are nobody's.
func (r *rowReader) noPerson() Reason {
	l := r.line
	switch {
	case len(l.cells) == 0:
		return Blank
	case r.repeatsHeader(), r.numbersColumns():
		return Header
	}
	key := l.at(r.fields[FieldEmployeeNo])
	begins, _ := utf8.DecodeRuneInString(key.text)
	if key.text == "" && key.kind != lostCell || key.column == l.cells[0].column && unicode.IsLetter(begins) {
		switch {
		case isTotal(l):
			return Total
		case isRemark(l):
			return Note
		case len(l.cells) == 1 && r.isGroup(l.cells[0]):
			return groupPending
		}
	}
	return notSkipped
}

// isGroup reports whether a line's only text can be a department's name.
func (r *rowReader) isGroup(c cell) bool {
	if c.kind != textCell || strings.ContainsRune(c.text, '@') {
		return false
	}
	switch r.header.columns[c.column] {
	case FieldLastName, FieldFirstName, FieldMiddleName, FieldFullName:
		return !looksLikePerson(c.text)
	case FieldEmployeeNo:
		return strings.ContainsFunc(c.text, unicode.IsLetter) && !strings.ContainsAny(c.text, "0123456789")
	}
	return strings.ContainsFunc(c.text, unicode.IsLetter)
}

// repeatsHeader reports whether a line is the header once more, as on every
// page of a printed list.
func (r *rowReader) repeatsHeader() bool {
	same := 0
	for column := range r.header.columns {
		text := r.line.at(column).text
		if text == "" {
			continue
		}
		if plain(text) != plain(r.header.names[column]) {
			return false
		}
		same++
	}
	return same >= 2
}

// numbersColumns reports whether a line only counts the columns: 1 2 3 …
func (r *rowReader) numbersColumns() bool {
	cells := r.line.cells
	if len(cells) < 3 {
		return false
	}
	for i, c := range cells {
		if len(c.text) > 2 || c.text != itoa(i+1) {
			return false
		}
	}
	return true
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// isTotal reports whether a line's first words announce a sum.
func isTotal(l line) bool {
	return len(l.cells) > 0 && beginsWith(plain(l.cells[0].text), theDictionary().totals)
}

// isRemark reports whether a line's first words are those of a signature or a
// remark below the table.
func isRemark(l line) bool {
	return len(l.cells) > 0 && beginsWith(plain(l.cells[0].text), theDictionary().remarks)
}

// unitWords begin or make up the names of departments, which are not people's.
var unitWords = map[string]bool{
	"отдел": true, "служба": true, "департамент": true, "управление": true, "группа": true, "цех": true, "участок": true, "склад": true,
	"филиал": true, "дирекция": true, "центр": true, "сектор": true, "бюро": true, "офис": true, "бухгалтерия": true, "кадры": true,
	"администрация": true, "подразделение": true, "команда": true, "лаборатория": true, "отделение": true, "пвз": true, "ооо": true, "ао": true, "тоо": true,
	"бөлім": true, "бөлімі": true, "қойма": true, "басқарма": true, "басқармасы": true, "қызметі": true, "орталық": true, "орталығы": true,
	"department": true, "division": true, "team": true, "office": true, "warehouse": true,
}

// looksLikePerson reports whether a lone text is a person's name rather than a
// department's: a patronymic or an initial, or two or three capitalised words
// none of which belongs to a department.
func looksLikePerson(text string) bool {
	words := strings.Fields(gluedInitial.ReplaceAllString(tidyName(text), "$1 $2"))
	if len(words) < 2 || len(words) > 4 {
		return false
	}
	named := false
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		if unitWords[strings.ToLower(w)] || !unicode.IsUpper(r) && !childOf[strings.ToLower(w)] || strings.ContainsAny(w, "0123456789«»\"№") {
			return false
		}
		named = named || isInitial(w) || len(words) == 3 && isPatronymic(w)
	}
	return named || len(words) <= 3
}
