package importers

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/templates"
)

// dictionary is templates/rosters/headers.yaml, made ready for comparing.
type dictionary struct {
	names      map[string]meaning // by skeleton without spaces
	list       []known            // the same, sorted by name: misspellings are searched in order
	begins     map[string]bool    // the first letters of the names
	ignored    map[string]bool
	numbering  map[string]bool // columns that number the lines; they are ignored too
	advice     map[string]bool // columns of our own error workbook, as they are spelt; they are ignored too
	weak       map[string]bool
	others     []string // with a space before each word
	noise      []string
	givenFirst map[string]bool
	totals     []string
	remarks    []string
	labels     map[string]Field
	sections   map[string]bool
	hints      map[string]bool
}

// meaning is what a column's name says.
type meaning struct {
	field Field
	rank  int
}

// known is a name with its letters ready for counting misspellings.
type known struct {
	meaning
	letters []rune
}

// theDictionary is read once: the embedded file is part of the program, and a
// fault in it is a fault of ours that every test sees.
var theDictionary = sync.OnceValue(func() *dictionary {
	d, err := readDictionary()
	if err != nil {
		panic("templates/rosters/headers.yaml: " + err.Error())
	}
	return d
})

// dictionaryFile is the file as it is written; the comments in it say what its
// parts are for.
type dictionaryFile struct {
	Fields      map[Field][][]string `yaml:"fields"`
	Weak        []string             `yaml:"weak"`
	Ignore      []string             `yaml:"ignore"`
	Numbering   []string             `yaml:"numbering"`
	Others      []string             `yaml:"others"`
	Noise       []string             `yaml:"noise"`
	GivenFirst  []string             `yaml:"given_first"`
	Totals      []string             `yaml:"totals"`
	Remarks     []string             `yaml:"remarks"`
	GroupLabels map[Field][]string   `yaml:"group_labels"`
	Sections    []string             `yaml:"sections"`
	Hints       []string             `yaml:"hints"`
	Advice      []string             `yaml:"advice"`
}

func readDictionary() (*dictionary, error) {
	text, err := templates.FS.ReadFile("rosters/headers.yaml")
	if err != nil {
		return nil, err
	}
	var file dictionaryFile
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	d := &dictionary{
		names:      map[string]meaning{},
		begins:     map[string]bool{},
		numbering:  keySet(file.Numbering),
		ignored:    keySet(slices.Concat(file.Ignore, file.Numbering, file.Advice)),
		advice:     map[string]bool{},
		weak:       keySet(file.Weak),
		others:     skeletons(file.Others),
		noise:      skeletons(file.Noise),
		givenFirst: keySet(file.GivenFirst),
		totals:     skeletons(file.Totals),
		remarks:    skeletons(file.Remarks),
		labels:     map[string]Field{},
		sections:   keySet(file.Sections),
		hints:      keySet(file.Hints),
	}
	for _, name := range file.Advice {
		d.advice[plain(name)] = true
	}
	for field, names := range file.GroupLabels {
		for _, name := range names {
			d.labels[key(name)] = field
		}
	}
	return d, d.learn(file.Fields)
}

// learn takes the names of the fields, each of which may mean one thing only.
func (d *dictionary) learn(fields map[Field][][]string) error {
	for field, ranks := range fields {
		for rank, names := range ranks {
			for _, name := range names {
				k := key(name)
				if twice, ok := d.names[k]; ok && twice != (meaning{field, rank}) || d.ignored[k] {
					return fmt.Errorf("%q has two meanings", name)
				}
				d.names[k] = meaning{field, rank}
				d.begins[beginning(strings.Fields(skeleton(name))[0])] = true
				d.begins[beginning(k)] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.list = append(d.list, known{d.names[name], []rune(name)})
	}
	return nil
}

// beginning is the first letters of a word, enough to pass most words by.
func beginning(word string) string {
	const letters = 3
	n := 0
	for i := range word {
		if n++; n > letters {
			return word[:i]
		}
	}
	return word
}

// mayKnow reports whether a text may be a name of the dictionary without
// misspellings; it is cheap, and mostly false for what stands in the rows.
func (d *dictionary) mayKnow(text string) bool {
	if len(text) > 4*longestName || strings.ContainsRune(text, '@') {
		return false
	}
	words := strings.Fields(skeleton(text))
	return strings.ContainsRune(text, '?') || slices.ContainsFunc(words, func(w string) bool { return d.begins[beginning(w)] }) ||
		len(words) > 1 && d.begins[beginning(strings.Join(words, ""))]
}

func keySet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[key(name)] = true
	}
	return set
}

// skeletons prepares phrases for comparing; the longest come first, so that a
// phrase is not taken for the shorter one that it begins with.
func skeletons(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = skeleton(name)
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// plain reduces a name to what it is compared by: lower case, letters and digits
// in words parted by single spaces, ё as е, "№" as "номер".
func plain(name string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ReplaceAll(book.Fold(name), "№", " номер ") {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		default:
			space = true
		}
	}
	return b.String()
}

// sameShape folds the letters that are taken for each other in headers: Latin
// and Cyrillic ones that look alike as capitals or small letters, and the
// Kazakh letters that are typed as Russian ones where the keyboard lacks them.
var sameShape = strings.NewReplacer(
	"а", "a", "в", "b", "е", "e", "к", "k", "м", "m", "н", "h", "о", "o", "р", "p", "с", "c", "т", "t", "у", "y", "х", "x",
	"и", "i", "й", "i", "і", "i", "ә", "a", "ғ", "г", "қ", "k", "ң", "h", "ө", "o", "ұ", "y", "ү", "y", "һ", "h", "ї", "i",
)

// numberSigns are the ways to write "№" beside the sign itself.
var numberSigns = strings.NewReplacer("#", "№", "nº", "№", "n°", "№")

// skeleton is plain without the differences that the eye does not see.
func skeleton(name string) string {
	return sameShape.Replace(plain(numberSigns.Replace(strings.ToLower(name))))
}

// key is skeleton without blanks: a name is the same however it is broken into
// words and lines.
func key(name string) string { return strings.ReplaceAll(skeleton(name), " ", "") }

// beginsWith reports whether the skeleton is one of the phrases or begins with
// one as whole words.
func beginsWith(text string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(phrase string) bool {
		rest, ok := strings.CutPrefix(text, phrase)
		return ok && (rest == "" || rest[0] == ' ')
	})
}

// anothers reports whether a name is of another person or another thing.
func (d *dictionary) anothers(name string) bool {
	words := " " + skeleton(name)
	return slices.ContainsFunc(d.others, func(beginning string) bool { return strings.Contains(words, " "+beginning) })
}

// withoutNoise drops the words that say nothing about what a column holds.
func (d *dictionary) withoutNoise(name string) string {
	words := " " + skeleton(name) + " "
	for _, noise := range d.noise {
		words = strings.ReplaceAll(words, " "+noise+" ", " ")
	}
	return strings.TrimSpace(words)
}
