package importers

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/templates"
)

// nameWords is templates/rosters/names.yaml, made ready for comparing.
type nameWords struct {
	roles                    map[string]role
	none                     map[string]bool // instead of a name, as plain phrases
	nobody                   map[string]bool // the first words of none and vacancies
	remarks, left, vacancies []string
}

// role is what a word may be in a name.
type role uint8

const (
	given role = 1 << iota
	childOf
	particle
	lowParticle // a particle in small letters only
	suffix      // in small letters only
	title
)

// roleOf returns the roles that a word may have as it is written.
func roleOf(word string) role {
	lower := wordOf(word)
	roles := theNameWords().roles[lower]
	if roles&(lowParticle|suffix) != 0 {
		if word != lower {
			return roles &^ suffix
		}
		if roles&lowParticle != 0 {
			roles |= particle
		}
	}
	return roles
}

// theNameWords is read once, like theDictionary.
var theNameWords = sync.OnceValue(func() *nameWords {
	w, err := readNameWords()
	if err != nil {
		panic("templates/rosters/names.yaml: " + err.Error())
	}
	return w
})

func readNameWords() (*nameWords, error) {
	text, err := templates.FS.ReadFile("rosters/names.yaml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Given     []string    `yaml:"given"`
		ChildOf   []string    `yaml:"child_of"`
		Particles [2][]string `yaml:"particles"`
		Suffixes  []string    `yaml:"suffixes"`
		Titles    []string    `yaml:"titles"`
		Remarks   []string    `yaml:"remarks"`
		Left      []string    `yaml:"left"`
		Vacancies []string    `yaml:"vacancies"`
		None      []string    `yaml:"none"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	w := &nameWords{
		roles:     map[string]role{},
		none:      map[string]bool{},
		nobody:    map[string]bool{},
		remarks:   plainList(file.Remarks),
		left:      plainList(file.Left),
		vacancies: plainList(file.Vacancies),
	}
	for role, words := range map[role][]string{
		given: strings.Fields(strings.Join(file.Given, " ")), childOf: file.ChildOf, particle: file.Particles[0],
		lowParticle: file.Particles[1], suffix: file.Suffixes, title: file.Titles,
	} {
		for _, word := range words {
			w.roles[wordOf(word)] |= role
		}
	}
	for _, phrase := range plainList(file.None) {
		w.none[phrase] = true
	}
	for _, phrase := range slices.Concat(plainList(file.None), w.vacancies) {
		first, _, _ := strings.Cut(phrase, " ")
		w.nobody[first] = true
	}
	return w, nil
}

func plainList(phrases []string) []string {
	all := make([]string, len(phrases))
	for i, p := range phrases {
		all[i] = plain(p)
	}
	return all
}

// wordOf reduces a word of a name to what it is compared by.
func wordOf(word string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(word, ".")), "ё", "е")
}

func isChildOf(word string) bool { return roleOf(word)&childOf != 0 }

func isGiven(word string) bool { return roleOf(word)&given != 0 }

// isVacancy reports whether a text says that nobody works here.
func isVacancy(text string) bool { return beginsWith(plain(text), theNameWords().vacancies) }

// patronymicEnds are the endings of Russian patronymics, and of those of other
// peoples that are written as one word.
var patronymicEnds = []string{
	"ович", "евич", "ич", "овна", "евна", "ична", "инична",
	"ұлы", "улы", "қызы", "кызы", "оглы", "оглу", "угли",
	"ovich", "evich", "yevich", "ovna", "evna", "yevna", "ichna", "uly", "qyzy", "kyzy", "ogly", "oglu",
}

// slavicEnds are those of Russian patronymics.
var slavicEnds = patronymicEnds[:7]

// surnameEnds are endings that surnames here have and given names hardly do.
var surnameEnds = []string{
	"ов", "ова", "ев", "ева", "ин", "ина", "ын", "ына", "ский", "ская", "цкий", "цкая", "ской", "енко", "ко", "ук", "юк", "ян", "янц",
	"швили", "дзе", "их", "ых", "ой", "ый", "ович", "евич", "ұлы", "улы", "қызы", "кызы",
}

// endsWith reports whether the word has one of the endings and at least two
// letters before it.
func endsWith(word string, ends []string) bool {
	if last, _ := utf8.DecodeLastRuneInString(word); !unicode.IsLower(last) {
		word = wordOf(word)
	}
	for _, end := range ends {
		if rest, ok := strings.CutSuffix(word, end); ok && utf8.RuneCountInString(rest) >= 2 {
			return true
		}
	}
	return false
}

// isPatronymic reports whether a part of a name says whose child the person is.
func isPatronymic(part string) bool {
	return endsWith(part, patronymicEnds) || isChildOf(lastWord(part)) && lastWord(part) != part
}

func lastWord(part string) string { return part[strings.LastIndexAny(part, "- ")+1:] }

// looksLikeSurname reports whether a word is more likely a surname than a given name.
func looksLikeSurname(word string) bool { return endsWith(word, surnameEnds) && !isGiven(word) }
