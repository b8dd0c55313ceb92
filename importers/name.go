package importers

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// name is a person's name in its parts.
type name struct {
	last, first, middle string
	odd                 bool // something was said beside the name that a person should look at
	usual               bool // of usualName: nothing of it needs to be looked at
}

var (
	bracketed    = regexp.MustCompile(`\s*[(\[][^)\]]*([)\]]|$)`)
	spacedHyphen = regexp.MustCompile(`\s*[-‐‑–—]\s*`)
	spacedDash   = regexp.MustCompile(`\s[-‐‑–—]\s`)
	listNumber   = regexp.MustCompile(`^\d{1,5}[.)]\s*`)
	bareNumber   = regexp.MustCompile(`^[№#]?[\d/-]*\d[\d/-]*[.)]?$`)
)

// splitName takes a full name of one cell apart. The usual order is last name,
// first name, patronymic; a patronymic or a particle in the middle says that
// the given name comes first, and so do given names that are known where the
// other word looks like a surname, and givenFirst (the column's name).
func splitName(full string, givenFirst bool) name {
	if n, ok := usualName(full); ok {
		return n
	}
	text, odd := withoutRemarks(full)
	var n name
	if last, rest, ok := strings.Cut(text, ", "); ok && !strings.ContainsAny(rest, ",;/") && isSurname(last) {
		n = assembled([]string{strings.Join(namedParts(last), " ")}, namedParts(rest)) // Smith, John
	} else {
		parts := namedParts(text)
		n = inOrderOf(parts, givenFirst)
		odd = odd || len(parts) > mostParts
	}
	n.odd = odd || strings.ContainsFunc(text, unicode.IsDigit)
	return n
}

// usualName is the fast way for what most lists hold: a surname, a given name
// and a patronymic of plain Cyrillic letters with the endings that they have
// (Иванова Анна Сергеевна). A test holds it against the long way.
func usualName(s string) (n name, ok bool) {
	last, rest, ok1 := strings.Cut(s, " ")
	first, middle, ok2 := strings.Cut(rest, " ")
	if !ok1 || !ok2 || !isPlainWord(last) || !isPlainWord(first) || !isPlainWord(middle) {
		return name{}, false
	}
	if !endsWith(middle, slavicEnds) || endsWith(first, patronymicEnds) || endsWith(first, surnameEnds) || roleOf(first) > given ||
		!endsWith(last, surnameEnds) || roleOf(last) != 0 {
		return name{}, false
	}
	return name{last: last, first: first, middle: middle, usual: true}, true
}

// isPlainWord reports whether a word is of Russian letters, the first and no
// other a capital.
func isPlainWord(s string) bool {
	if s == "" {
		return false
	}
	for i, r := range s {
		small := r >= 'а' && r <= 'я' || r == 'ё'
		if i == 0 && !(r >= 'А' && r <= 'Я' || r == 'Ё') || i > 0 && !small {
			return false
		}
	}
	return true
}

// isSurname reports whether what stands before a comma is a surname alone.
func isSurname(text string) bool {
	words := partsOf(strings.Fields(text))
	return len(words) <= 2 && !slices.ContainsFunc(words[1:], isGiven)
}

// mostParts is how many parts the name of one person may have.
const mostParts = 5

// namedParts returns the parts of a name: its words, with particles and the
// word for "child of" at the words that they belong to.
func namedParts(text string) []string {
	words := wordsOfName(text)
	if strings.ContainsFunc(text, unicode.IsDigit) {
		words = slices.DeleteFunc(words, bareNumber.MatchString)
	}
	for i, w := range words {
		words[i] = strings.Trim(w, `'"«»“”„`)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return !strings.ContainsFunc(w, isLetterOrDigit) })
	for len(words) > 1 && (roleOf(words[0])&title != 0 || words[0][len(words[0])-1] == '.' && beginsWith(plain(words[0]), theNameWords().remarks)) {
		words = words[1:]
	}
	return partsOf(words)
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// partsOf puts words together that make one part of a name.
func partsOf(words []string) []string {
	parts := words[:0:0]
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch role := roleOf(w); {
		case len(parts) > 0 && role&(childOf|suffix) != 0:
			parts[len(parts)-1] += " " + w
			continue
		case role&particle != 0:
			for i+1 < len(words) && isParticle(words[i]) {
				i++
				w += " " + words[i]
			}
		}
		parts = append(parts, w)
	}
	return parts
}

func isParticle(word string) bool { return roleOf(word)&particle != 0 }

// inOrderOf decides which part is which.
func inOrderOf(parts []string, givenFirst bool) name {
	last := len(parts) - 1
	switch {
	case last < 0:
		return name{}
	case last == 0:
		return name{last: parts[0]}
	case isInitial(parts[0]) && !isInitial(parts[last]):
		return assembled(parts[last:], parts[:last]) // И. И. Иванов
	case last == 1:
		return pair(parts[0], parts[1], givenFirst)
	case isPatronymic(parts[1]): // Иван Иванович Иванов: no given name is built like a patronymic
		return name{last: strings.Join(parts[2:], " "), first: parts[0], middle: parts[1]}
	}
	if i := slices.IndexFunc(parts, beginsWithParticle); i > 0 {
		switch {
		case i < last-1 && isPatronymic(parts[last]):
			return assembled(parts[:last-1], parts[last-1:]) // Ван дер Берг Пётр Ильич
		case i < last && isGiven(parts[last]) && !isGiven(parts[0]):
			return assembled(parts[:last], parts[last:]) // Ван дер Берг Пётр
		}
		return assembled(parts[i:], parts[:i]) // Шарль де Голль
	}
	if isPatronymic(parts[last]) {
		return beforePatronymic(parts, last)
	}
	switch {
	case givenFirst, looksLikeSurname(parts[last]) && isGiven(parts[0]):
		return assembled(parts[last:], parts[:last])
	case last == 2 && isGiven(parts[2]) && looksLikeSurname(parts[1]):
		return assembled(parts[:2], parts[2:]) // Сухово Кобылин Александр
	}
	return assembled(parts[:1], parts[1:])
}

// assembled makes a name of the words of its surname and of the given names.
func assembled(last, given []string) name {
	n := name{last: strings.Join(last, " ")}
	if len(given) > 0 {
		n.first, n.middle = given[0], strings.Join(given[1:], " ")
	}
	return n
}

// saysWhoseChild reports whether a part is a father's name and the word for his
// child.
func saysWhoseChild(part string) bool {
	return strings.Contains(part, " ") && isChildOf(lastWord(part))
}

func beginsWithParticle(part string) bool {
	first, _, more := strings.Cut(part, " ")
	return more && isParticle(first)
}

// pair orders two parts.
func pair(a, b string, givenFirst bool) name {
	switch {
	case isPatronymic(b) && (isGiven(a) || isDaughterOf(b)) && !isPatronymicSurname(b):
		return name{first: a, middle: b} // Иван Иванович
	case !givenFirst && saysWhoseChild(b) && looksLikeSurname(a) && !isGiven(a):
		return name{last: a, middle: b} // Мамедов Гасан оглы
	case givenFirst, saysWhoseChild(b), beginsWithParticle(b),
		isGiven(a) && !isGiven(b) && (looksLikeSurname(b) || isLatin(a+b)):
		return name{last: b, first: a}
	}
	return name{last: a, first: b}
}

// isDaughterOf reports whether a word is a woman's patronymic, which no surname
// looks like.
func isDaughterOf(word string) bool {
	return endsWith(word, []string{"овна", "евна", "ична"})
}

// isPatronymicSurname reports whether a patronymic is one of those that are
// surnames as well, or a part of several words.
func isPatronymicSurname(word string) bool {
	return strings.Contains(word, " ") || endsWith(word, []string{"ұлы", "улы", "қызы", "кызы", "uly", "qyzy", "kyzy"})
}

// beforePatronymic orders a name that ends with a patronymic: the given name
// stands before it, unless the patronymic itself has two parts (Ким Ольга Ен
// Суновна) or the surname comes between (Иван Петров Сергеевич).
func beforePatronymic(parts []string, last int) name {
	at := 1
	switch {
	case last == 2 && isGiven(parts[0]) && looksLikeSurname(parts[1]):
		return name{last: parts[1], first: parts[0], middle: parts[2]}
	case last == 3 && !isGiven(parts[1]) && (isGiven(parts[2]) || looksLikeSurname(parts[1])):
		at = 2
	}
	return assembled(parts[:at], parts[at:])
}

// withoutRemarks drops what stands beside a name: brackets (a former name, a
// second job), notes behind a comma or a dash or at the end, quotation marks,
// stars. left says that one of them tells that the person has gone.
func withoutRemarks(s string) (text string, left bool) {
	known := theNameWords()
	drop := func(rest string) bool {
		rest = plain(rest)
		left = left || beginsWith(rest, known.left)
		return rest == "" || beginsWith(rest, known.remarks) || beginsWith(rest, known.left)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != ' ' }) {
		s = withoutSigns(s, drop)
	}
	words := strings.Fields(s)
	for i := 2; i < len(words); i++ {
		if !isPatronymic(words[i]) && !isInitial(words[i]) && drop(strings.Join(words[i:], " ")) {
			words = words[:i]
		}
	}
	s = strings.TrimRight(strings.Join(words, " "), " -–—*,;:")
	if lastOne := lastWord(s); strings.HasSuffix(s, ".") && (!isInitial(lastOne) || isGiven(lastOne)) && !strings.Contains(strings.TrimSuffix(lastOne, "."), ".") {
		s = strings.TrimSuffix(s, ".")
	}
	return s, left
}

// withoutSigns drops brackets, numbers of a list, marks around the name, and
// what drop says is no part of it behind a comma, a semicolon or a dash.
func withoutSigns(s string, drop func(rest string) bool) string {
	for _, b := range bracketed.FindAllString(s, -1) {
		drop(b)
	}
	s = listNumber.ReplaceAllString(bracketed.ReplaceAllString(s, ""), "")
	s = strings.ReplaceAll(strings.Trim(s, ` *•·"'«»“”„,;:`), "_", " ")
	for _, at := range append(indexesOf(s, ","), indexesOf(s, ";")...) {
		if at < len(s) && drop(s[at:]) {
			s = s[:at]
		}
	}
	for _, at := range spacedDash.FindAllStringIndex(s, -1) {
		if at[0] < len(s) && drop(s[at[1]:]) {
			s = s[:at[0]]
		}
	}
	return s
}

func indexesOf(s, sign string) []int {
	var all []int
	for from := 0; ; {
		i := strings.Index(s[from:], sign)
		if i < 0 {
			return all
		}
		all = append(all, from+i)
		from += i + len(sign)
	}
}

// tidyName drops what stands in brackets (a former name) and blanks around hyphens.
func tidyName(s string) string {
	if !strings.ContainsAny(s, "([-*\u2010\u2011–—") {
		return strings.TrimSpace(s)
	}
	s = bracketed.ReplaceAllString(s, "")
	return strings.Trim(spacedHyphen.ReplaceAllString(s, "-"), " -*")
}

// wordsOfName returns the words of a name, initials that are written together
// taken apart (И.И.Иванов).
func wordsOfName(text string) []string {
	text = tidyName(text)
	if !strings.Contains(text, ".") {
		return strings.Fields(text)
	}
	var b strings.Builder
	letters := 0 // of the word so far
	var before rune
	for i, r := range text {
		if unicode.IsLetter(r) {
			glued := before == '.' && letters <= 2 // И.И
			begins := unicode.IsLower(before) && unicode.IsUpper(r) && strings.HasPrefix(text[i+utf8.RuneLen(r):], ".")
			if glued || begins { // ИвановИ.
				b.WriteByte(' ')
				letters = 0
			}
			letters++
		} else if r != '.' {
			letters = 0
		}
		b.WriteRune(r)
		before = r
	}
	return strings.Fields(b.String())
}

// isInitial reports whether a word is cut short: И., Ив., И
func isInitial(word string) bool {
	rest, dotted := strings.CutSuffix(word, ".")
	letters := utf8.RuneCountInString(rest)
	if letters == 0 || letters > 4 || letters > 1 && !dotted {
		return false
	}
	return !strings.ContainsFunc(rest, func(r rune) bool { return !unicode.Is(unicode.Cyrillic, r) && !unicode.Is(unicode.Latin, r) })
}

// isCut reports whether a part of a name that is needed to greet the person is
// missing or only initials.
func isCut(part string) bool {
	if len(part) > 2*utf8.UTFMax && !strings.ContainsAny(part, ". ") {
		return false
	}
	words := wordsOfName(part)
	return !slices.ContainsFunc(words, func(w string) bool { return !isInitial(w) })
}

// suspect reports whether the name has letters of two scripts or signs that no
// name has.
func (n name) suspect() bool {
	whole := n.last + " " + n.first + " " + n.middle
	return n.odd || mixedScripts(whole) || readInWrongEncoding(n.last) || readInWrongEncoding(n.first) || strings.ContainsFunc(whole, func(r rune) bool {
		return r != ' ' && !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune("-'’‘ʼʻ`´.", r)
	})
}

// readInWrongEncoding reports whether a word has only letters that no language
// has in a row: Cyrillic of Windows-1251 that was read as Windows-1252 (Èâàíîâ).
func readInWrongEncoding(word string) bool {
	return utf8.RuneCountInString(word) > 3 && !strings.ContainsFunc(word, func(r rune) bool { return r < 'À' || r > 'ÿ' })
}

// hasLetters reports whether anything of the name can be read.
func (n name) hasLetters() bool { return hasLetters(n.last) || hasLetters(n.first) }

func isLatin(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

// cased gives names that were typed all in capitals or all in small letters
// their usual form; any other spelling is its owner's.
func cased(s string) string {
	if strings.ContainsFunc(s, unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower) || utf8.RuneCountInString(s) < 2 || strings.Contains(s, ".") {
		return s
	}
	upper, lower := strings.ToUpper(s), strings.ToLower(s)
	if s != upper && s != lower || upper == lower {
		return s
	}
	words := strings.Fields(lower)
	for i, w := range words {
		if i > 0 && isChildOf(w) || i+1 < len(words) && isParticle(w) {
			continue
		}
		pieces := strings.Split(w, "-")
		for j, p := range pieces {
			if j == 0 || !isChildOf(p) && p != "заде" {
				pieces[j] = capital(p)
			}
		}
		words[i] = strings.Join(pieces, "-")
	}
	return strings.Join(words, " ")
}

// capital begins a word with a capital letter, and what follows the apostrophe
// of a one-letter prefix too: О'Коннор.
func capital(word string) string {
	r, n := utf8.DecodeRuneInString(word)
	rest := word[n:]
	if sign, m := utf8.DecodeRuneInString(rest); strings.ContainsRune("'’ʼ`", sign) && len(rest) > m {
		rest = rest[:m] + capital(rest[m:])
	}
	return string(unicode.ToUpper(r)) + rest
}

// nameOfColumns makes a name of the columns of its parts. One that holds the
// whole name while the others are empty, or the given name together with the
// patronymic, is taken apart.
func nameOfColumns(last, first, middle string) name {
	n := name{}
	for _, part := range []struct{ from, to *string }{{&last, &n.last}, {&first, &n.first}, {&middle, &n.middle}} {
		text, odd := withoutRemarks(*part.from)
		*part.to = strings.Join(namedParts(text), " ")
		n.odd = n.odd || odd || strings.ContainsFunc(text, unicode.IsDigit)
	}
	if n.first == "" && n.middle == "" {
		if whole := splitName(last, false); isPatronymic(whole.middle) || isGiven(whole.first) {
			return whole
		}
	}
	if given := namedParts(n.first); n.middle == "" && len(given) == 2 && (isPatronymic(given[1]) || isInitial(given[0])) {
		n.first, n.middle = given[0], given[1]
	}
	return n
}

// isNoName reports whether a text says that there is no name, or nobody.
func isNoName(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	if strings.ContainsFunc(first, unicode.IsLetter) && !theNameWords().nobody[wordOf(first)] {
		return false
	}
	return theNameWords().none[plain(text)] || isVacancy(text)
}
