package importers

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/ponimayu/opora/internal/tenancy"
)

// countryNames are spellings beside the official ones in ru, kk and en.
var countryNames = map[string]tenancy.CountryCode{
	"рф": "RU", "р ф": "RU", "российская фед": "RU", "р к": "KZ", "казакстан": "KZ", "қазакстан": "KZ", "казақстан": "KZ", "kazakstan": "KZ", "qazaqstan": "KZ",
	"қазақстан": "KZ", "ресей": "RU", "российская федерация": "RU", "рос": "RU", "ресей федерациясы": "RU", "russian federation": "RU",
	"рк": "KZ", "республика казахстан": "KZ", "қр": "KZ", "қазақстан республикасы": "KZ", "republic of kazakhstan": "KZ", "кз": "KZ",
	"беларусь": "BY", "белоруссия": "BY", "республика беларусь": "BY", "рб": "BY",
	"киргизия": "KG", "кыргызстан": "KG", "киргизстан": "KG", "кыргызская республика": "KG",
	"республика узбекистан": "UZ", "республика армения": "AM", "молдова": "MD", "молдавия": "MD", "сша": "US", "оаэ": "AE",
	"турция": "TR", "türkiye": "TR", "великобритания": "GB", "англия": "GB", "uk": "GB", "usa": "US", "uae": "AE", "англ": "GB",
}

// countries knows the world's countries by code and by name in three languages.
var countries = sync.OnceValue(func() map[string]tenancy.CountryCode {
	all := map[string]tenancy.CountryCode{}
	namers := []display.Namer{display.Regions(language.Russian), display.Regions(language.Kazakh), display.Regions(language.English)}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			region, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !region.IsCountry() || region.Canonicalize() != region || region.String() != string([]rune{a, b}) {
				continue
			}
			code := tenancy.CountryCode(region.String())
			all[strings.ToLower(region.String())] = code
			all[strings.ToLower(region.ISO3())] = code
			if number := region.M49(); number > 0 {
				all[fmt.Sprintf("%03d", number)] = code // ОКСМ
			}
			for _, namer := range namers {
				if namer != nil {
					all[plain(namer.Name(region))] = code
				}
			}
		}
	}
	for name, code := range countryNames {
		all[plain(name)] = code
	}
	delete(all, "")
	return all
})

// parseCountry reads a country's name or code, alone or beside other words of an
// address or its name in another language, from which commas, slashes or
// brackets part it. Two countries are none.
func parseCountry(text string) (tenancy.CountryCode, bool) {
	if code, ok := countries()[plain(text)]; ok {
		return code, true
	}
	var found tenancy.CountryCode
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;/()|", r) }) {
		code, ok := countries()[plain(part)]
		if ok && found != "" && code != found {
			return "", false
		}
		if ok {
			found = code
		}
	}
	return found, found != ""
}
