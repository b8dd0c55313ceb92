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

	"github.com/ponimayu/opora/templates"
)

// dictionary is templates/rosters/headers.yaml, made ready for comparing.
type dictionary struct {
	names      map[string]meaning // by plain name
	list       []known            // the same, sorted by name: misspellings are searched in order
	ignored    map[string]bool
	advice     map[string]bool // columns of our own error workbook; they are ignored too
	givenFirst map[string]bool
	totals     []string
	remarks    []string
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

func readDictionary() (*dictionary, error) {
	text, err := templates.FS.ReadFile("rosters/headers.yaml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Fields     map[Field][][]string `yaml:"fields"`
		Ignore     []string             `yaml:"ignore"`
		Advice     []string             `yaml:"advice"`
		GivenFirst []string             `yaml:"given_first"`
		Totals     []string             `yaml:"totals"`
		Remarks    []string             `yaml:"remarks"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	d := &dictionary{
		names:      map[string]meaning{},
		ignored:    plainSet(append(file.Ignore, file.Advice...)),
		advice:     plainSet(file.Advice),
		givenFirst: plainSet(file.GivenFirst),
		totals:     plainList(file.Totals),
		remarks:    plainList(file.Remarks),
	}
	for field, ranks := range file.Fields {
		for rank, names := range ranks {
			for _, name := range names {
				name = plain(name)
				if twice, ok := d.names[name]; ok && twice != (meaning{field, rank}) || d.ignored[name] {
					return nil, fmt.Errorf("%q has two meanings", name)
				}
				d.names[name] = meaning{field, rank}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.list = append(d.list, known{d.names[name], []rune(name)})
	}
	return d, nil
}

func plainSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[plain(name)] = true
	}
	return set
}

func plainList(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = plain(name)
	}
	return all
}

// plain reduces a column's name to what it is compared by: lower case, letters
// and digits in words parted by single spaces, ё as е, "№" as "номер".
func plain(name string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ReplaceAll(fold(name), "№", " номер ") {
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

// beginsWith reports whether the plain text is one of the phrases or begins
// with one as whole words.
func beginsWith(text string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(phrase string) bool {
		rest, ok := strings.CutPrefix(text, phrase)
		return ok && (rest == "" || rest[0] == ' ')
	})
}
