package importers

import (
	"bytes"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/templates"
)

// nameWords is templates/rosters/names.yaml, made ready for comparing.
type nameWords struct {
	given, childOf, particle, lowParticle, suffix, title, none map[string]bool
	remarks, left, vacancies                                   []string
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
	return &nameWords{
		given:       wordSet(strings.Fields(strings.Join(file.Given, " "))),
		childOf:     wordSet(file.ChildOf),
		particle:    wordSet(file.Particles[0]),
		lowParticle: wordSet(file.Particles[1]),
		suffix:      wordSet(file.Suffixes),
		title:       wordSet(file.Titles),
		none:        plainSet(file.None),
		remarks:     plainList(file.Remarks),
		left:        plainList(file.Left),
		vacancies:   plainList(file.Vacancies),
	}, nil
}

func plainSet(phrases []string) map[string]bool {
	set := make(map[string]bool, len(phrases))
	for _, p := range phrases {
		set[plain(p)] = true
	}
	return set
}

func plainList(phrases []string) []string {
	all := make([]string, len(phrases))
	for i, p := range phrases {
		all[i] = plain(p)
	}
	return all
}

// wordSet holds words as wordOf gives them.
func wordSet(words []string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[wordOf(w)] = true
	}
	return set
}

// wordOf reduces a word of a name to what it is compared by.
func wordOf(word string) string { return strings.TrimSuffix(fold(word), ".") }

func isChildOf(word string) bool { return theNameWords().childOf[wordOf(word)] }

func isGiven(word string) bool { return theNameWords().given[wordOf(word)] }

// isVacancy reports whether a text says that nobody works here.
func isVacancy(text string) bool { return beginsWith(plain(text), theNameWords().vacancies) }

// patronymicEnds are the endings of Russian patronymics, and of those of other
// peoples that are written as one word.
var patronymicEnds = []string{
	"ович", "евич", "ич", "овна", "евна", "ична", "инична",
	"ұлы", "улы", "қызы", "кызы", "оглы", "оглу", "угли",
	"ovich", "evich", "yevich", "ovna", "evna", "yevna", "ichna", "uly", "qyzy", "kyzy", "ogly", "oglu",
}

// surnameEnds are endings that surnames here have and given names hardly do.
var surnameEnds = []string{
	"ов", "ова", "ев", "ева", "ин", "ина", "ын", "ына", "ский", "ская", "цкий", "цкая", "ской", "енко", "ко", "ук", "юк", "ян", "янц",
	"швили", "дзе", "их", "ых", "ой", "ый", "ович", "евич", "ұлы", "улы", "қызы", "кызы",
}

// endsWith reports whether the word has one of the endings and at least two
// letters before it.
func endsWith(word string, ends []string) bool {
	word = wordOf(word)
	for _, end := range ends {
		if rest, ok := strings.CutSuffix(word, end); ok && len([]rune(rest)) >= 2 {
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
