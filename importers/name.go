package importers

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// name is a person's name in its parts.
type name struct{ last, first, middle string }

// patronymic are the endings of Russian patronymics and of Kazakh ones written
// as one word.
var patronymic = regexp.MustCompile(`(?i)..(ович|евич|ёвич|ич|овна|евна|ёвна|ична|инична)$|(ұлы|улы|қызы|кызы)$`)

// childOf are the words that follow the father's name in Azerbaijani, Kazakh
// and other names.
var childOf = map[string]bool{
	"оглы": true, "оглу": true, "улы": true, "ұлы": true, "уулу": true, "кызы": true, "қызы": true, "гызы": true, "кизи": true,
}

var (
	initial      = regexp.MustCompile(`^\p{Lu}\p{Ll}?\.?$`)
	initialsPair = regexp.MustCompile(`^(\p{Lu}\p{Ll}?\.) ?(\p{Lu}\p{Ll}?\.)$`)
	gluedInitial = regexp.MustCompile(`(\p{Lu}\.)(\p{Lu}\.?)`)
	bracketed    = regexp.MustCompile(`\s*[(\[][^)\]]*[)\]]`)
	spacedHyphen = regexp.MustCompile(`\s*[-‐‑–—]\s*`)
)

// splitName takes a full name of one cell apart. The usual order is last name,
// first name, patronymic; a patronymic in the second place of three says that
// the given name comes first, and so does givenFirst (the column's name).
func splitName(full string, givenFirst bool) name {
	words := strings.Fields(gluedInitial.ReplaceAllString(tidyName(full), "$1 $2"))
	words = joinChildOf(words)
	switch {
	case len(words) == 0:
		return name{}
	case len(words) == 1:
		return name{last: words[0]}
	case isInitial(words[0]) && !isInitial(words[len(words)-1]):
		words = append(words[len(words)-1:], words[:len(words)-1]...) // И. И. Иванов
	case len(words) == 3 && !isPatronymic(words[2]) && isPatronymic(words[1]):
		words = []string{words[2], words[0], words[1]} // Иван Иванович Иванов
	case len(words) == 2 && givenFirst:
		words = []string{words[1], words[0]}
	case len(words) == 3 && givenFirst && !isPatronymic(words[2]):
		words = []string{words[2], words[0], words[1]}
	}
	n := name{last: words[0], first: words[1]}
	if len(words) > 2 {
		n.middle = strings.Join(words[2:], " ")
	}
	return n
}

// tidyName drops what stands in brackets (a former name) and blanks around hyphens.
func tidyName(s string) string {
	s = bracketed.ReplaceAllString(s, "")
	return strings.TrimSpace(spacedHyphen.ReplaceAllString(s, "-"))
}

// joinChildOf makes «Гасан оглы» one part: the father's name and its word.
func joinChildOf(words []string) []string {
	if n := len(words); n >= 3 && childOf[strings.ToLower(words[n-1])] {
		return append(words[:n-2:n-2], words[n-2]+" "+words[n-1])
	}
	return words
}

func isInitial(word string) bool {
	return initial.MatchString(word) && (strings.HasSuffix(word, ".") || utf8.RuneCountInString(word) == 1)
}

func isPatronymic(word string) bool {
	return patronymic.MatchString(word) || strings.Contains(word, " ") || childOf[strings.ToLower(lastPart(word))]
}

func lastPart(word string) string { return word[strings.LastIndexAny(word, "- ")+1:] }

// incomplete reports whether a part of the name that is needed to greet the
// person is missing or only an initial.
func (n name) incomplete() bool {
	return n.last == "" || n.first == "" || isInitial(n.last) || isInitial(n.first) || initialsPair.MatchString(n.first)
}

// suspect reports whether a part has letters of two scripts or signs that no
// name has.
func (n name) suspect() bool {
	for _, part := range []string{n.last, n.first, n.middle} {
		if mixedScripts(part) {
			return true
		}
		for _, r := range part {
			if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" -'’ʼ`.", r) {
				return true
			}
		}
	}
	return false
}

// cased gives names that were typed all in capitals or all in small letters
// their usual form; any other spelling is its owner's.
func cased(s string) string {
	if utf8.RuneCountInString(s) < 2 || strings.Contains(s, ".") {
		return s
	}
	upper, lower := strings.ToUpper(s), strings.ToLower(s)
	if s != upper && s != lower || upper == lower {
		return s
	}
	var b strings.Builder
	start := true
	for _, r := range lower {
		if start {
			r = unicode.ToUpper(r)
		}
		start = r == ' ' || r == '-'
		b.WriteRune(r)
	}
	return keepChildOf(b.String())
}

func keepChildOf(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if i > 0 && childOf[strings.ToLower(w)] {
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(words, " ")
}
