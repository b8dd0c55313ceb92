package importers

import (
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// entities finds a tenant's legal entities by what a list may call them: the
// code, the tax number, the name with its legal form in full or cut short,
// before or behind the name, or left out.
type entities struct {
	exact map[string]tenancy.LegalEntityCode // by plain code and tax number
	named map[string][]namedEntity           // by plain name without its form
}

// namedEntity is an entity and the legal form that its name says, "" for none.
type namedEntity struct {
	form string
	code tenancy.LegalEntityCode
}

func newEntities(all []tenancy.LegalEntity) *entities {
	e := &entities{map[string]tenancy.LegalEntityCode{}, map[string][]namedEntity{}}
	for _, x := range all {
		for _, spelling := range []string{string(x.Code), x.TaxNumber} {
			if spelling = plain(spelling); spelling != "" {
				e.exact[spelling] = x.Code
			}
		}
		if form, name := legalForm(plain(x.Name)); name != "" {
			e.named[name] = append(e.named[name], namedEntity{form, x.Code})
		}
	}
	return e
}

// find returns the entity that a text names. A name without its form names the
// one entity that is called so; a form that is not the entity's names another.
func (e *entities) find(text string) (tenancy.LegalEntityCode, bool) {
	text = plain(text)
	if code, ok := e.exact[text]; ok {
		return code, true
	}
	form, name := legalForm(text)
	fits := slices.DeleteFunc(slices.Clone(e.named[name]), func(x namedEntity) bool {
		return form != "" && x.form != "" && form != x.form
	})
	if i := slices.IndexFunc(fits, func(x namedEntity) bool { return x.form == form }); i >= 0 && len(fits) > 1 {
		fits = fits[i : i+1]
	}
	if len(fits) == 1 {
		return fits[0].code, true
	}
	code, ok := e.exact[name] // ООО global
	return code, ok && len(fits) == 0
}

// legalForms are the forms of companies, each with its long and short names.
var legalForms = [][]string{
	{"ооо", "общество с ограниченной ответственностью", "llc", "ltd"},
	{"ао", "акционерное общество", "jsc", "акционерлік қоғам", "акционерлік қоғамы", "ақ"},
	{"пао", "публичное акционерное общество", "pjsc"},
	{"зао", "закрытое акционерное общество"},
	{"оао", "открытое акционерное общество"},
	{"нко", "некоммерческая организация"},
	{"ано", "автономная некоммерческая организация"},
	{"фгуп"}, {"гуп"}, {"муп"},
	{"тоо", "товарищество с ограниченной ответственностью", "жшс", "жауапкершілігі шектеулі серіктестігі", "жауапкершілігі шектеулі серіктестік", "llp"},
	{"ип", "индивидуальный предприниматель", "жк", "жеке кәсіпкер"},
}

// legalForm parts a plain name into its legal form, by its first short name,
// and the rest; a text that is nothing but a form is a name.
func legalForm(name string) (form, rest string) {
	for _, names := range legalForms {
		for _, f := range names {
			if rest, ok := strings.CutPrefix(name, f+" "); ok {
				return names[0], rest
			}
			if rest, ok := strings.CutSuffix(name, " "+f); ok {
				return names[0], rest
			}
		}
	}
	return "", name
}
