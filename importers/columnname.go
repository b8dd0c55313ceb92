package importers

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// understood is what a column's name was understood as: nothing, a field, or
// several fields that one column cannot hold.
type understood struct {
	meaning
	ok         bool
	exact      bool    // as it stands in the dictionary, or as the tenant has confirmed
	settled    bool    // nobody asks any more: confirmed, or known to be none of ours
	fits       []Field // two or more: the name fits them all
	givenFirst bool    // a full name that begins with the given one
}

// understand finds what a column's name means: whole, then by its parts (two
// languages side by side, a remark in brackets), then with small misspellings.
func (d *dictionary) understand(name string) understood {
	for _, nearly := range []bool{false, true} {
		v := d.whole(name, nearly)
		if !v.ok && !v.settled && len(v.fits) == 0 {
			v = d.byParts(name, nearly)
		}
		if v.ok || v.settled || len(v.fits) > 0 {
			v.exact = v.ok && !nearly
			return v
		}
	}
	return understood{}
}

// knows reports whether the text is a name of the dictionary, ours or not,
// without misspellings.
func (d *dictionary) knows(name string) bool {
	v := d.whole(name, false)
	if !v.ok && !v.settled {
		v = d.byParts(name, false)
	}
	return v.ok || v.settled || len(v.fits) > 0
}

func (d *dictionary) whole(name string, nearly bool) understood {
	k := key(name)
	switch {
	case k == "" || d.ignored[k]:
		return understood{settled: k != ""}
	case d.names[k].field != "":
		return understood{meaning: d.names[k], ok: true, givenFirst: d.givenFirst[k]}
	case d.anothers(name):
		return understood{settled: true}
	case nearly:
		return d.nearly(k)
	}
	return d.variant(name)
}

// variant finds a name with words that say nothing, with a number («Телефон 2»)
// or with letters that a conversion has turned into question marks.
func (d *dictionary) variant(name string) understood {
	if strings.ContainsRune(name, '?') {
		if v := d.gaps(name); v.ok {
			return v
		}
	}
	k := strings.ReplaceAll(d.withoutNoise(name), " ", "")
	if m, ok := d.names[k]; ok {
		return understood{meaning: m, ok: true, givenFirst: d.givenFirst[k]}
	}
	last, size := utf8.DecodeLastRuneInString(k)
	if m, ok := d.names[k[:len(k)-size]]; ok && last >= '1' && last <= '9' {
		m.rank += 10 * int(last-'1')
		return understood{meaning: m, ok: true}
	}
	return understood{}
}

// gaps finds the only name that a text with question marks can have been: each
// stands for a letter that the encoding of the file does not have.
func (d *dictionary) gaps(name string) understood {
	text := []rune(key(strings.ReplaceAll(name, "?", "ъ")))
	var v understood
	for _, known := range d.list {
		if len(known.letters) != len(text) || len(text) < 3 {
			continue
		}
		same := true
		for i, r := range text {
			same = same && (r == 'ъ' || r == known.letters[i])
		}
		if same && v.ok && v.field != known.field {
			return understood{}
		}
		if same {
			v = understood{meaning: known.meaning, ok: true}
		}
	}
	return v
}

// byParts takes a name apart at the signs that part two languages or a remark:
// A / B, A | B, A (B), A, B; and, without misspellings, at any space.
func (d *dictionary) byParts(name string, nearly bool) understood {
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("/\\|()[]\n;,:+•", r) })
	var found []meaning
	var givenFirst bool
	for _, part := range parts {
		if len(parts) > 1 {
			v := d.whole(part, nearly)
			if len(v.fits) > 1 {
				return v
			}
			if v.ok {
				found = append(found, v.meaning)
				givenFirst = givenFirst || v.givenFirst
				continue
			}
		}
		if !nearly {
			if meanings, ok := d.path(part); ok {
				found = append(found, meanings...)
			} else {
				found = append(found, d.segments(part)...)
			}
		}
	}
	v := d.together(found, parts)
	v.givenFirst = v.givenFirst || v.ok && v.field == FieldFullName && givenFirst
	return v
}

// segments finds the known names that a text is made of, one after the other,
// as when two languages stand on two lines of a cell.
func (d *dictionary) segments(text string) []meaning {
	words := strings.Fields(d.withoutNoise(text))
	if len(words) < 2 || len(words) > 12 {
		return nil
	}
	return d.cover(words)
}

// cover gives the meanings of the fewest names that make up all words, longest
// first; nil when they cannot be made up of names.
func (d *dictionary) cover(words []string) []meaning {
	for n := len(words); n > 0; n-- {
		k := strings.Join(words[:n], "")
		m, ok := d.names[k]
		if !ok && !d.ignored[k] {
			continue
		}
		var found []meaning
		if ok {
			found = []meaning{m}
		}
		if n == len(words) {
			return found
		}
		if rest := d.cover(words[n:]); rest != nil {
			return append(found, rest...)
		}
	}
	return nil
}

// path understands the way in which 1C names what belongs to an object:
// «Сотрудник.Код», «Подразделение.Наименование».
func (d *dictionary) path(text string) (found []meaning, ok bool) {
	steps := strings.Split(text, ".")
	if len(steps) < 2 || slices.ContainsFunc(steps, func(s string) bool { return utf8.RuneCountInString(strings.TrimSpace(s)) < 3 }) {
		return nil, false
	}
	owner, last := steps[len(steps)-2], steps[len(steps)-1]
	if m, ok := d.names[key(owner+last)]; ok {
		return []meaning{m}, true
	}
	k := key(last)
	if isTitleOfThing(last) {
		k = key(owner)
	}
	m, ok := d.names[k]
	if !ok {
		return nil, false
	}
	if d.weak[k] {
		return nil, true // the code of something else
	}
	return []meaning{m}, true
}

// isTitleOfThing reports whether a word only says that the thing's name follows.
func isTitleOfThing(name string) bool {
	switch plain(name) {
	case "наименование", "название", "представление", "атауы", "name", "полное наименование", "краткое наименование":
		return true
	}
	return false
}

// together decides what several known names in one cell mean: the same thing in
// two languages, the parts of a full name, groups over people as in 1C's
// reports, or a question.
func (d *dictionary) together(found []meaning, parts []string) understood {
	strong := found
	if len(found) > 1 {
		strong = d.strong(found, parts)
	}
	var fields []Field
	for _, m := range strong {
		if !slices.Contains(fields, m.field) {
			fields = append(fields, m.field)
		}
	}
	switch {
	case len(fields) == 0:
		return understood{}
	case len(fields) == 1 && codeOfAnother(found, fields[0]):
		return understood{settled: true}
	case len(fields) == 1:
		return understood{meaning: strong[0], ok: true}
	case partsOfName(fields):
		return understood{meaning: meaning{FieldFullName, 0}, ok: true, givenFirst: slices.Index(fields, FieldFirstName) < slices.Index(fields, FieldLastName)}
	case len(fields) == 2 && fields[0] == FieldFullName && isPartOfName(fields[1]): // «Сотрудник: фамилия»
		return understood{meaning: meaning{fields[1], 0}, ok: true}
	case groupsOverPeople(fields):
		return understood{meaning: meaning{FieldFullName, 1}, ok: true}
	}
	return understood{fits: fields}
}

// strong leaves out the names that are remarks beside another name.
func (d *dictionary) strong(found []meaning, parts []string) []meaning {
	var weak []meaning
	for _, part := range parts {
		for _, word := range append(strings.Fields(skeleton(part)), key(part)) {
			if d.weak[word] && d.names[word].field != "" {
				weak = append(weak, d.names[word])
			}
		}
	}
	kept := slices.DeleteFunc(slices.Clone(found), func(m meaning) bool { return slices.Contains(weak, m) })
	if len(kept) == 0 {
		return found
	}
	return kept
}

// codeOfAnother reports whether the names were a thing's and a code's.
func codeOfAnother(found []meaning, field Field) bool {
	if field == FieldEmployeeNo || field == FieldFullName {
		return false
	}
	return slices.ContainsFunc(found, func(m meaning) bool { return m.field == FieldEmployeeNo })
}

func partsOfName(fields []Field) bool {
	return slices.Contains(fields, FieldLastName) && slices.Contains(fields, FieldFirstName) && !slices.ContainsFunc(fields, func(f Field) bool {
		return f != FieldLastName && f != FieldFirstName && f != FieldMiddleName && f != FieldFullName
	})
}

func isPartOfName(field Field) bool {
	return field == FieldLastName || field == FieldFirstName || field == FieldMiddleName
}

func groupsOverPeople(fields []Field) bool {
	last := len(fields) - 1
	return fields[last] == FieldFullName && !slices.ContainsFunc(fields[:last], func(f Field) bool { return f != FieldDepartment && f != FieldLegalEntity })
}

// longestName is the length beyond which no text is a column's name.
const longestName = 60

// nearly finds the one field whose name is a small misspelling away: one letter
// in six, two in ten, none in shorter names; fits has two that are as near.
func (d *dictionary) nearly(name string) understood {
	letters := []rune(name)
	least := allowance(len(letters)) + 1
	if least == 1 || len(letters) > longestName {
		return understood{}
	}
	var best meaning
	var fits []Field
	for _, known := range d.list {
		most := min(least, allowance(len(known.letters)), allowance(len(letters)))
		distance := editDistance(letters, known.letters, most)
		switch {
		case distance > most:
		case distance < least:
			best, least, fits = known.meaning, distance, append(fits[:0], known.field)
		case !slices.Contains(fits, known.field):
			fits = append(fits, known.field)
		}
	}
	switch {
	case len(fits) == 0 || d.nearIgnored(letters, least):
		return understood{}
	case len(fits) > 1:
		return understood{fits: fits}
	}
	return understood{meaning: best, ok: true}
}

// nearIgnored reports whether a name that is none of ours is as near.
func (d *dictionary) nearIgnored(name []rune, distance int) bool {
	for ignored := range d.ignored {
		if editDistance(name, []rune(ignored), distance) <= distance {
			return true
		}
	}
	return false
}

func allowance(letters int) int {
	switch {
	case letters >= 10:
		return 2
	case letters >= 6:
		return 1
	}
	return 0
}

// hasLetters reports whether a text could be a name of anything.
func hasLetters(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// editDistance counts the letters to insert, delete, replace or swap with a
// neighbour between two words; anything above limit is reported as limit+1.
func editDistance(x, y []rune, limit int) int {
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		nearest := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			nearest = min(nearest, row[j])
		}
		if nearest > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(y)], limit+1)
}
