package importers

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// group is what the lines between the people say of those who follow.
type group struct {
	department string
	entity     tenancy.LegalEntityCode
	unknown    bool // an entity was named that is none of the tenant's
}

// isGroup reports whether a line only names what the people below it belong to:
// one text, perhaps repeated or labelled, and amounts beside it.
func (r *rowReader) isGroup() bool {
	l := r.line
	texts := slices.DeleteFunc(slices.Clone(l.Cells), isCount)
	if len(texts) == 0 || slices.ContainsFunc(texts, func(c book.Cell) bool { return c.Kind != book.TextCell || strings.ContainsRune(c.Text, '@') }) {
		return false
	}
	if len(texts) == 2 && r.labelOf(texts[0].Text) != "" {
		return !r.numbered()
	}
	if r.namesUnit() {
		return true
	}
	first := texts[0]
	if slices.ContainsFunc(texts, func(c book.Cell) bool { return key(c.Text) != key(first.Text) }) {
		return r.isCodedGroup(texts)
	}
	return hasLetters(first.Text) && r.amountsOnly() && r.mayHead(first, len(l.Cells))
}

// namesUnit reports whether the word of a department stands where a person's
// name or number would, and nothing else is a person's.
func (r *rowReader) namesUnit() bool {
	name, key := r.nameText(), r.line.At(r.fields[FieldEmployeeNo]).Text
	switch {
	case r.hasDetails():
		return false
	case name == "":
		return namesOfUnit(key)
	}
	return key == "" && namesOfUnit(name)
}

// isCodedGroup reports whether a line is a department's code and name, as SAP
// writes them, or a name in the columns of the key and of the name.
func (r *rowReader) isCodedGroup(texts []book.Cell) bool {
	name := r.nameText()
	return len(texts) == 2 && len(r.line.Cells) == 2 && texts[0].Column == r.fields[FieldEmployeeNo] && namesOfUnit(name)
}

// amountsOnly reports whether nothing beside the texts can be a person's.
func (r *rowReader) amountsOnly() bool {
	for _, c := range r.line.Cells {
		if !isCount(c) {
			continue
		}
		switch r.header.columns[c.Column] {
		case "", FieldDepartment, FieldPosition:
		case FieldEmployeeNo:
			if !namesOfUnit(r.nameText()) {
				return false
			}
		default:
			if len(c.Text) > 5 && c.Kind == book.TextCell || len(c.Text) > 9 {
				return false
			}
		}
	}
	return true
}

// mayHead reports whether a text in its column can be a department's name. In
// the column of names it must not read like a person's, in that of the key not
// like a number; a patronymic or initials are a person's anywhere.
func (r *rowReader) mayHead(c book.Cell, cells int) bool {
	switch r.header.columns[c.Column] {
	case FieldLastName, FieldFirstName, FieldMiddleName, FieldFullName:
		return !mayBeName(c.Text)
	case FieldEmployeeNo:
		words := strings.Fields(c.Text)
		return cells == 1 && !strings.ContainsAny(c.Text, "0123456789") || namesOfUnit(c.Text) || len(words) > 1 && longWord.MatchString(words[0])
	}
	return !surelyPerson(c.Text)
}

// mayBeName tells «Иванов Олег» from «Нижний Новгород», and «Кузнецова» from
// «Логистика».
func mayBeName(text string) bool {
	words := strings.Fields(tidyName(text))
	switch {
	case len(words) == 0 || unitWord(words[0]):
		return false
	case len(words) == 1:
		return looksLikeSurname(words[0])
	}
	return surelyPerson(text) || looksLikePerson(text) && (slices.ContainsFunc(words, isGiven) || looksLikeSurname(words[0]))
}

var longWord = regexp.MustCompile(`^\pL{5,}`)

var (
	headCount = regexp.MustCompile(`(?i)\s*(\(\s*\d+\s*(чел\p{L}*|сотр\p{L}*|раб\p{L}*|адам|қызметкер|people|persons|employees|ед|шт\.? ?ед)?\.?\s*\)|[-–—:,]?\s*\d+\s*(чел\p{L}*|сотр\p{L}*|адам|қызметкер|people|persons|employees)\.?|[,;(–—-]?\s*(всего|итого|количество|кол-во|числ\p{L}*|барлығы|total)\s*:?\s*\d+( ?чел\p{L}*\.?)?\)?)$`)
	numbering = regexp.MustCompile(`^(\d+(\.\d+)*[.)]\s+|[•▪►▼▸■□\-–—>]+\s*)`)
)

// withoutCount drops the number of people and the numbering around a
// department's name.
func withoutCount(text string) string {
	short := headCount.ReplaceAllString(numbering.ReplaceAllString(text, ""), "")
	if short = strings.Trim(short, " :"); !hasLetters(short) {
		return text
	}
	return short
}

// namesOfUnit reports whether a text begins with a word that departments' names
// begin with, or with a code and such a word (01 Цех).
func namesOfUnit(text string) bool {
	words := strings.Fields(numbering.ReplaceAllString(text, ""))
	if len(words) > 1 && allDigits(words[0]) {
		words = words[1:]
	}
	return len(words) > 0 && unitWord(words[0])
}

// labelOf returns the field that a label of a group names («Подразделение:»),
// or "".
func (r *rowReader) labelOf(text string) Field {
	return theDictionary().labels[key(text)]
}

// enterGroup takes note of what the people below the line belong to. A line that
// names one of the tenant's legal entities is their employer; of several others
// the last one is the department.
func (r *rowReader) enterGroup(l book.Line) {
	texts := slices.DeleteFunc(slices.Clone(l.Cells), isCount)
	text := book.Undirected(unprotected(texts[0].Text))
	label := r.labelOf(text)
	switch before, after, cut := strings.Cut(text, ":"); {
	case label != "" && len(texts) == 2:
		text = texts[1].Text
	case cut && r.labelOf(before) != "":
		label, text = r.labelOf(before), after
	default:
		label = ""
		if name := r.nameText(); namesOfUnit(name) {
			text = name
		}
	}
	r.enter(label, withoutCount(strings.TrimSpace(text)))
}

func (r *rowReader) enter(label Field, text string) {
	code, ours := r.entityOf(text)
	g := &r.around.group
	switch {
	case ours:
		*g = group{entity: code}
	case label == FieldLegalEntity && r.entities == nil:
		*g = group{entity: tenancy.LegalEntityCode(text)}
	case label == FieldLegalEntity:
		*g = group{unknown: true}
	case theDictionary().sections[key(text)]:
		g.department = ""
		r.remarks.section(r.line.No, text)
	default:
		g.department = text
	}
}

// entityOf finds the tenant's legal entity that a text names.
func (r *rowReader) entityOf(text string) (tenancy.LegalEntityCode, bool) {
	if r.entities == nil {
		return "", false
	}
	return r.entities.find(text)
}

// readTitles takes what the lines above the header say of everybody below it:
// the tenant's legal entity, unless the upload names one, and a department that
// is labelled as such.
func (r *rowReader) readTitles(titles []book.Line) {
	r.around.titles = map[string]bool{}
	for _, l := range titles {
		if len(l.Cells) == 0 || !hasLetters(joined(l)) {
			continue
		}
		r.around.titles[lineKey(l)] = true
		text := joined(l)
		before, after, cut := strings.Cut(text, ":")
		label := r.labelOf(before)
		if !cut && len(l.Cells) == 2 {
			label, after = r.labelOf(l.Cells[0].Text), l.Cells[1].Text
		}
		if label == "" {
			after = text
		}
		after = strings.TrimSpace(after)
		if code, ours := r.entityOf(after); ours && r.opts.LegalEntity == "" {
			r.around.group.entity = code
		} else if label == FieldDepartment && startsWithCapital(after) {
			r.around.group.department = after
		}
	}
}

// everybody begins what a report says when it is not of one department.
var everybody = skeletons([]string{"все", "all", "барлық"})

func startsWithCapital(text string) bool {
	return text != "" && unicode.IsUpper([]rune(text)[0]) && !strings.ContainsAny(text, "<>*") && !beginsWith(skeleton(text), everybody)
}
