package importers

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers/book"
)

// surroundings is what the lines before the one being read have told.
type surroundings struct {
	group      group
	titles     map[string]bool // the lines above the header, which pages repeat
	begun      bool            // something other than the header has followed it
	gap        bool            // the line before was no person's and no group's
	otherTable bool            // a table of something else has begun
	otherList  bool            // and it is one of people, in other columns
}

// noPerson tells the lines that are nobody's. A line that may be a person's is
// never one of them: in doubt it is a row with problems.
func (r *rowReader) noPerson() Reason {
	reason := r.recognise()
	r.around.begun = r.around.begun || reason != Header
	switch reason {
	case notSkipped, Group, groupPending, Header:
		r.around.gap = false
	default:
		r.around.gap = true
	}
	return reason
}

func (r *rowReader) recognise() Reason {
	l := r.line
	switch {
	case len(l.Cells) == 0:
		return Blank
	case r.clearlyPerson() && !r.around.otherList:
		r.around.otherTable = false
		return notSkipped
	case r.repeatsHeader():
		r.around.otherTable, r.around.otherList = false, false
		return Header
	case numbersColumns(l), !r.around.begun && hintsOnly(l):
		return Header
	case r.around.otherTable && !r.leavesTable(), isRule(l):
		return Note
	case r.around.titles[lineKey(l)]:
		return Title
	case isPageNumber(l):
		return Note
	case r.beginsOtherTable() && !r.around.begun:
		return Header
	case r.beginsOtherTable():
		r.around.otherTable = true
		return Note
	case r.isTotal():
		return Total
	case r.isNote():
		return Note
	case r.isGroup():
		return groupPending
	case r.isNothing():
		return Note
	}
	return notSkipped
}

// clearlyPerson reports whether a line has a personnel number with a digit and a
// name that reads like a person's.
func (r *rowReader) clearlyPerson() bool { return r.numbered() && r.named() }

// numbered reports whether the personnel number's cell can hold one.
func (r *rowReader) numbered() bool {
	key := r.line.At(r.fields[FieldEmployeeNo])
	return key.Kind == book.LostCell || strings.ContainsAny(key.Text, "0123456789")
}

// named reports whether the name's cells read like a person's name.
func (r *rowReader) named() bool {
	if column, ok := r.fields[FieldFullName]; ok && looksLikePerson(r.line.At(column).Text) {
		return true
	}
	last, hasLast := r.fields[FieldLastName]
	first, hasFirst := r.fields[FieldFirstName]
	return hasLast && hasFirst && looksLikePerson(r.line.At(last).Text+" "+r.line.At(first).Text)
}

// nameText is what stands in the columns of the name.
func (r *rowReader) nameText() string {
	var all []string
	for _, field := range []Field{FieldFullName, FieldLastName, FieldFirstName} {
		if column, ok := r.fields[field]; ok {
			all = append(all, r.line.At(column).Text)
		}
	}
	return strings.TrimSpace(strings.Join(all, " "))
}

// hasDetails reports whether the line has what only a person's has: a way to
// reach somebody, a day or a number of theirs.
func (r *rowReader) hasDetails() bool {
	return slices.ContainsFunc(r.line.Cells, func(c book.Cell) bool {
		switch r.header.columns[c.Column] {
		case FieldEmail, FieldPhone, FieldHiredOn, FieldLeftOn, FieldBirthDate, FieldSNILS, FieldINN, FieldIIN:
			return !isCount(c) || len(c.Text) > 4
		}
		return false
	})
}

// repeatsHeader reports whether a line is one of the header's once more, as on
// every page of a printed list, or the header in another language.
func (r *rowReader) repeatsHeader() bool {
	for _, row := range r.header.rows {
		same := 0
		for _, c := range r.line.Cells {
			if key(c.Text) != key(row.At(c.Column).Text) {
				same = -1
				break
			}
			same++
		}
		if same >= 2 || same == 1 && len(row.Cells) == 1 {
			return true
		}
	}
	return !r.numbered() && !r.named() && r.mayName() && r.finder.repeats(r.line, r.header)
}

// mayName reports whether a line could name columns: a few short texts. It keeps
// the search of the dictionary away from the people.
func (r *rowReader) mayName() bool {
	cells := r.line.Cells
	return len(cells) >= 2 && !slices.ContainsFunc(cells, func(c book.Cell) bool {
		return c.Kind != book.TextCell || !hasLetters(c.Text) && !strings.ContainsAny(c.Text, "№#") || len([]rune(c.Text)) > longestName || strings.ContainsRune(c.Text, '@')
	})
}

// beginsOtherTable reports whether a line is the header of another table: it
// names columns, and not those of the list.
func (r *rowReader) beginsOtherTable() bool {
	if r.numbered() || r.named() || !r.mayName() {
		return false
	}
	known, ours := 0, map[Field]bool{}
	for _, c := range r.line.Cells {
		v := r.finder.understand(c.Text)
		if v.ok || v.settled {
			known++
		}
		if v.ok {
			ours[v.field] = true
		}
	}
	if known < 2 || known*2 < len(r.line.Cells) {
		return false
	}
	if r.around.begun && ours[FieldEmployeeNo] && (ours[FieldFullName] || ours[FieldLastName]) {
		r.around.otherList = true
		r.remarks.table(r.line.No)
	}
	return true
}

// leavesTable reports whether a line after the header of another table may be a
// person's again: it has a name, or a number and a way to reach somebody. A list
// of people in other columns is never left but by our header.
func (r *rowReader) leavesTable() bool {
	if r.around.otherList || !r.named() && !(r.numbered() && r.hasDetails()) {
		return false
	}
	r.around.otherTable = false
	return true
}

// isTotal reports whether a line announces a sum.
func (r *rowReader) isTotal() bool {
	for i, c := range r.line.Cells {
		if !beginsWith(skeleton(c.Text), theDictionary().totals) {
			continue
		}
		field := r.header.columns[c.Column]
		inName := field == FieldFullName || field == FieldLastName || field == FieldFirstName
		if i == 0 && !r.named() || inName || !r.named() && !(r.numbered() && r.nameText() != "") {
			return true
		}
	}
	return false
}

// isTotal reports whether a line's first words announce a sum.
func isTotal(l book.Line) bool {
	return len(l.Cells) > 0 && beginsWith(skeleton(l.Cells[0].Text), theDictionary().totals)
}

// standsAlone reports whether a line of one field is whole as it is.
func standsAlone(l book.Line) bool { return isTotal(l) || isRemark(l) }

// isRemark reports whether a line's first words are those of a signature or a
// remark below the table.
func isRemark(l book.Line) bool {
	return len(l.Cells) > 0 && beginsWith(skeleton(l.Cells[0].Text), theDictionary().remarks)
}

var (
	blankToSign = regexp.MustCompile(`_{3,}|\(\s*подпись|\(\s*қолы|\(\s*расшифровка|\(\s*signature`)
	phoneInNote = regexp.MustCompile(`(?i)(тел|tel|phone)\.?:?\s*[+\d(]`)
)

// isNote reports whether a line is a signature, a remark or a footnote. Where it
// could be a person whose job sounds like a signature, it is none.
func (r *rowReader) isNote() bool {
	l := r.line
	first := l.Cells[0]
	if r.numbered() && first.Column != r.fields[FieldEmployeeNo] {
		return slices.ContainsFunc(l.Cells, func(c book.Cell) bool { return isVacancy(c.Text) }) && !r.named()
	}
	switch {
	case slices.ContainsFunc(l.Cells, func(c book.Cell) bool { return blankToSign.MatchString(c.Text) || isVacancy(c.Text) }) && !r.hasDetails():
		return true
	case footnote.MatchString(first.Text):
		return !r.named() && !r.hasDetails()
	case isRemark(l):
		return len(l.Cells) <= smallTable+2 && !r.mayBePerson(first)
	case len(l.Cells) == 1:
		return isSentence(first.Text) || first.Kind == book.DateCell || dayAlone.MatchString(first.Text)
	}
	return false
}

// mayBePerson tells a person without a number, whose row begins with a job or a
// department, from a signature.
func (r *rowReader) mayBePerson(first book.Cell) bool {
	if !r.named() {
		return false
	}
	switch r.header.columns[first.Column] {
	case FieldPosition, FieldDepartment:
		return r.hasDetails() || !r.around.gap || r.line.At(r.fields[FieldEmployeeNo]).Text != ""
	}
	return r.hasDetails() && first.Column != r.fields[FieldEmployeeNo]
}

// isRule reports whether a line has no letter and no digit: it is drawn.
func isRule(l book.Line) bool {
	return !slices.ContainsFunc(l.Cells, func(c book.Cell) bool {
		return c.Kind == book.LostCell || strings.ContainsFunc(c.Text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	})
}

var footnote = regexp.MustCompile(`^([*©¹²³†]|\d{1,2}\)\s+\pL)`)

// dayAlone is the day on which a list was made or signed, in a line of its own.
var dayAlone = regexp.MustCompile(`^\d{1,2}[./]\d{1,2}[./](\d{4}|\d{2})( ?(г|ж)\.?)?$`)

// isSentence reports whether a lone text is a remark rather than a name.
func isSentence(text string) bool {
	words := len(strings.Fields(text))
	return len([]rune(text)) > 120 || words >= 4 && strings.ContainsAny(text[len(text)-1:], ".!?;") || phoneInNote.MatchString(text)
}

var pageNumber = regexp.MustCompile(`^(страница|стр|с|лист|бет|парақ|page|sheet|p)\.?\s*№?\s*\d+(\s*(из|of|/)\s*\d+)?$|^\d+\s*(из|of|/)\s*\d+$|^[-–—]\s*\d+\s*[-–—]$|^\d+[- ](бет|стр)\.?$`)

// isPageNumber reports whether a line only numbers the page.
func isPageNumber(l book.Line) bool {
	if len(l.Cells) > 5 {
		return false
	}
	return pageNumber.MatchString(strings.ToLower(joined(l)))
}

func joined(l book.Line) string {
	texts := make([]string, len(l.Cells))
	for i, c := range l.Cells {
		texts[i] = c.Text
	}
	return strings.Join(texts, " ")
}

func lineKey(l book.Line) string { return key(joined(l)) }

// numbersColumns reports whether a line only counts the columns: 1 2 3 …, as in
// official forms also А Б 1 2 3 …
func numbersColumns(l book.Line) bool {
	next, letters := 0, 0
	for i, c := range l.Cells {
		text := strings.Trim(c.Text, "().")
		switch n, err := strconv.Atoi(text); {
		case err != nil && i == letters && i < 3 && isFormLetter(text, i):
			letters++
		case err != nil || n > 99 || next > 0 && n != next || next == 0 && n != 1:
			return false
		default:
			next = n + 1
		}
	}
	return next > 2 && len(l.Cells) >= 3
}

func isFormLetter(text string, i int) bool {
	return text == string([]rune("АБВ")[i]) || text == string("ABC"[i])
}

// hintsOnly reports whether a line only explains how to fill in the columns.
func hintsOnly(l book.Line) bool {
	return len(l.Cells) >= 2 && !slices.ContainsFunc(l.Cells, func(c book.Cell) bool { return !isHint(c.Text) })
}

// isNothing reports whether a line has neither a name nor a number and nothing
// that a person's line would have, as in a small table below the list.
func (r *rowReader) isNothing() bool {
	name := r.nameText()
	switch {
	case r.numbered() || r.named() || r.hasDetails():
		return r.numbered() && name == "" && len(r.line.Cells) == 1 && r.line.Cells[0].Column != r.fields[FieldEmployeeNo]
	case name != "" && !hasLetters(name):
		return true
	}
	return r.around.gap && len(strings.Fields(name)) < 2 && len(r.line.Cells) <= smallTable
}

// smallTable is how many columns a table below the list has at most; a line of
// more values may be a person's whose number and name are gone.
const smallTable = 3

// isCount reports whether a cell holds an amount.
func isCount(c book.Cell) bool { return amount.MatchString(c.Text) }

var amount = regexp.MustCompile(`(?i)^[\d ]+([.,]\d+)?( ?(чел|человека?|сотрудник(а|ов)?|адам|қызметкер|people|шт|ед|шт\.? ед|руб)\.?)?$`)

// unitWords begin or make up the names of departments, which are not people's.
var unitWords = map[string]bool{
	"отдел": true, "служба": true, "департамент": true, "управление": true, "группа": true, "цех": true, "участок": true, "склад": true,
	"филиал": true, "дирекция": true, "центр": true, "сектор": true, "бюро": true, "офис": true, "бухгалтерия": true, "кадры": true,
	"администрация": true, "подразделение": true, "команда": true, "лаборатория": true, "отделение": true, "пвз": true, "ооо": true, "ао": true, "тоо": true,
	"руководство": true, "аппарат": true, "правление": true, "магазин": true, "салон": true, "бригада": true, "направление": true, "аптека": true,
	"представительство": true, "канцелярия": true, "секретариат": true, "архив": true, "гараж": true, "столовая": true, "производство": true, "логистика": true,
	"пао": true, "зао": true, "оао": true, "жшс": true, "ип": true, "колл-центр": true, "контакт-центр": true, "регион": true, "территория": true,
	"бөлім": true, "бөлімі": true, "қойма": true, "қоймасы": true, "басқарма": true, "басқармасы": true, "қызметі": true, "орталық": true, "орталығы": true, "цехы": true, "департаменті": true, "филиалы": true, "бөлімшесі": true, "бухгалтериясы": true,
	"department": true, "division": true, "team": true, "office": true, "warehouse": true, "branch": true, "llc": true, "unit": true, "group": true,
}

// unitWord reports whether a word belongs to a department's name.
func unitWord(word string) bool {
	return unitWords[strings.Trim(strings.ToLower(word), ".,:;()«»\"")]
}

// surelyPerson reports whether a text has what only a person's name has: a
// patronymic or initials.
func surelyPerson(text string) bool {
	words := wordsOfName(text)
	return looksLikePerson(text) && slices.ContainsFunc(words, func(w string) bool { return isInitial(w) || len(words) >= 3 && isPatronymic(w) })
}

// looksLikePerson reports whether a lone text is a person's name rather than a
// department's: a patronymic or an initial, or two or three capitalised words
// none of which belongs to a department.
func looksLikePerson(text string) bool {
	if _, ok := usualName(text); ok {
		return true
	}
	words := wordsOfName(text)
	if len(words) < 2 || len(words) > 5 {
		return false
	}
	named, small := false, text == strings.ToLower(text) // typed without capitals
	for i, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		if unitWord(w) || !unicode.IsUpper(r) && !small && !isChildOf(w) && !(i == 0 && isParticle(w)) || strings.ContainsAny(w, "0123456789«»\"№:") {
			return false
		}
		named = named || isInitial(w) || len(words) >= 3 && isPatronymic(w) || isChildOf(w)
	}
	if small {
		return named || slices.ContainsFunc(words, isGiven) && looksLikeSurname(words[0])
	}
	return named || len(words) <= 3
}
