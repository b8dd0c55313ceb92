package rostergen

import (
	"math/rand/v2"
	"strings"
)

// faults are what real lists have: odd spellings that must be read right, and
// faults that must be told.
var faults = []func(*rand.Rand, *Person){
	func(_ *rand.Rand, p *Person) { p.Last = strings.ToUpper(p.Last) },
	func(_ *rand.Rand, p *Person) { p.Last = " " + p.Last + "\u00a0" },
	func(_ *rand.Rand, p *Person) { p.First = strings.Replace(p.First, "а", "a", 1) }, // a Latin letter
	func(_ *rand.Rand, p *Person) { p.Phone = "8" + strings.TrimPrefix(p.Phone, "+7") + "; " + p.Phone },
	func(_ *rand.Rand, p *Person) { p.Phone = strings.TrimPrefix(p.Phone, "+7 ") },
	func(_ *rand.Rand, p *Person) { p.Phone = "12-34" },
	func(_ *rand.Rand, p *Person) { p.Email = strings.ToUpper(p.Email) },
	func(_ *rand.Rand, p *Person) { p.Email = strings.Replace(p.Email, "@", " at ", 1) },
	func(_ *rand.Rand, p *Person) { p.Email = strings.Replace(p.Email, "o", "о", 1) }, // a Cyrillic letter
	func(_ *rand.Rand, p *Person) { p.Middle = "" },
	func(_ *rand.Rand, p *Person) { p.No += ".0" },
	func(_ *rand.Rand, p *Person) { p.No = "" },
	func(_ *rand.Rand, p *Person) { p.No = "9,00101E+11" },
	func(_ *rand.Rand, p *Person) { p.Last, p.First, p.Middle = "", "", "" },
	func(_ *rand.Rand, p *Person) { p.Position = "=" + p.Position },
	func(r *rand.Rand, p *Person) { p.First = string([]rune(p.First)[:1]) + "." },
	func(_ *rand.Rand, p *Person) { p.Department = "  " + strings.ReplaceAll(p.Department, " ", "  ") },
}

// soil gives the person one fault when chance says so, and the one that is named for it.
func (o Options) soil(i int, p Person) Person {
	r := o.chance(i, streamDirt)
	if r.Float64() < o.Dirt {
		faults[r.IntN(len(faults))](r, &p)
	}
	if fault := o.Faults[i]; fault != nil {
		fault(&p)
	}
	return p
}
