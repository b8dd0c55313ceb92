package importers

import (
	"bytes"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
)

// Advice returns what the person who sent a list is told of a problem: what is
// wrong and what to do, in one or two sentences of the given language (English
// for one that we do not speak). It never holds a value of the list. The texts
// are in templates/rosters/problems.yaml; a code that is not there gives "".
func Advice(code tenancy.ProblemCode, lang tenancy.Language) string {
	advice := theAdvice()[code]
	if lang != tenancy.Russian && lang != tenancy.Kazakh {
		return advice.En
	}
	return advice.In(lang)
}

// theAdvice is read once, like theDictionary.
var theAdvice = sync.OnceValue(func() map[tenancy.ProblemCode]tenancy.Text {
	all, err := readAdvice()
	if err != nil {
		panic("templates/rosters/problems.yaml: " + err.Error())
	}
	return all
})

func readAdvice() (map[tenancy.ProblemCode]tenancy.Text, error) {
	text, err := templates.FS.ReadFile("rosters/problems.yaml")
	if err != nil {
		return nil, err
	}
	var all map[tenancy.ProblemCode]tenancy.Text
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, err
	}
	for code, advice := range all {
		if advice.Ru == "" || advice.Kk == "" || advice.En == "" {
			return nil, fmt.Errorf("%s is not told in every language", code)
		}
	}
	return all, nil
}
