package tenancy

// Language is an ISO 639-1 code: "ru", "kk" or "en".
type Language string

// The languages that people see.
const (
	Russian Language = "ru"
	Kazakh  Language = "kk"
	English Language = "en"
)

// Text is a name or sentence in the languages that people see.
type Text struct {
	Ru string `json:"ru,omitempty" yaml:"ru"`
	Kk string `json:"kk,omitempty" yaml:"kk"`
	En string `json:"en,omitempty" yaml:"en"`
}

// In returns the text in a language, falling back to Russian, English, then
// Kazakh, so that a missing translation never shows as an empty page.
func (t Text) In(l Language) string {
	by := map[Language]string{Russian: t.Ru, Kazakh: t.Kk, English: t.En}
	for _, try := range []Language{l, Russian, English, Kazakh} {
		if s := by[try]; s != "" {
			return s
		}
	}
	return ""
}

// InOrEnglish returns the text in a language of the people we speak to, in
// English for every other: what programs read, and who did not say.
func (t Text) InOrEnglish(l Language) string {
	if l != Russian && l != Kazakh {
		return t.En
	}
	return t.In(l)
}
