// Package rostergen makes up lists of employees of any size for tests, samples
// and measurements: people who do not exist, with the spellings and the faults
// that real lists have. The same seed gives the same people for ever.
package rostergen

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Person is one made-up employee as an HR department would write it down.
type Person struct {
	No         string
	Last       string
	First      string
	Middle     string
	Department string
	Position   string
	Entity     string
	HiredOn    tenancy.Date
	BirthDate  tenancy.Date
	Phone      string
	Email      string
	NationalID string // СНИЛС or ИИН with right control digits; only when asked for
}

// Options say what is made up.
type Options struct {
	Rows    int                   // people before Drop
	First   int                   // number of the first of them
	Seed    uint64                // the same seed, the same people
	Country tenancy.CountryCode   // RU or KZ
	Domain  string                // of the e-mail addresses; "firm.example" when empty
	Entity  string                // legal entity; the column is left out when empty
	IDs     bool                  // with national ids
	Changed float64               // share of people with a new position and phone
	Drop    float64               // share of people who are left out
	Dirt    float64               // share of rows with a fault or an odd spelling
	Faults  map[int]func(*Person) // named faults of single people, by number
}

// Independent streams of chance: whether a person changes must not alter who
// the person is.
const (
	streamPerson = iota
	streamChange
	streamDrop
	streamDirt
)

// chance is person i's own source of chance, so that a list of any length
// begins with the same people.
func (o Options) chance(i, stream int) *rand.Rand {
	return rand.New(rand.NewPCG(o.Seed, uint64(i)<<3|uint64(stream)))
}

// People calls f for each person of the list, in order, with the number of the
// person before anybody was dropped.
func (o Options) People(f func(i int, p Person) error) error {
	for i := o.First; i < o.First+o.Rows; i++ {
		if o.chance(i, streamDrop).Float64() < o.Drop {
			continue
		}
		p := o.Person(i)
		if o.chance(i, streamChange).Float64() < o.Changed {
			p = o.changed(i, p)
		}
		if err := f(i, p); err != nil {
			return err
		}
	}
	return nil
}

// Person makes up the person with a number.
func (o Options) Person(i int) Person {
	r := o.chance(i, streamPerson)
	p := russian(r)
	if o.Country == "KZ" && r.IntN(4) > 0 {
		p = kazakh(r)
	}
	p.No = fmt.Sprintf("%06d", 1000+i)
	unit := units[r.IntN(len(units))]
	p.Department, p.Position = unit.name(o.Country, r), unit.positions[r.IntN(len(unit.positions))]
	p.Entity = o.Entity
	p.BirthDate = tenancy.NewDate(1960+r.IntN(44), 1, 1+r.IntN(365))
	p.HiredOn = tenancy.NewDate(p.BirthDate.Year+19+r.IntN(2026-p.BirthDate.Year-19), 1, 1+r.IntN(300))
	p.Phone = madeUpPhone(o.Country, r)
	if !unit.handsOn {
		p.Email = o.address(p, i)
	}
	if o.IDs {
		p.NationalID = nationalID(o.Country, r)
	}
	return p
}

// changed gives the person another position and phone.
func (o Options) changed(i int, p Person) Person {
	r := o.chance(i, streamChange)
	p.Position = "Старший " + strings.ToLower(p.Position)
	p.Phone = madeUpPhone(o.Country, r)
	return p
}

// madeUpPhone is a number in the first hundred thousand of one operator's code.
func madeUpPhone(country tenancy.CountryCode, r *rand.Rand) string {
	code := "900"
	if country == "KZ" {
		code = "700"
	}
	n := r.IntN(1_000_000)
	return fmt.Sprintf("+7 %s 0%02d-%02d-%02d", code, n/10000, n/100%100, n%100)
}

func (o Options) address(p Person, i int) string {
	domain := o.Domain
	if domain == "" {
		domain = "firm.example"
	}
	return fmt.Sprintf("%s.%s%d@%s", latin(p.First)[:1], latin(p.Last), i, domain)
}

// nationalID makes up a number with right control digits.
func nationalID(country tenancy.CountryCode, r *rand.Rand) string {
	if country == "KZ" {
		for {
			if id, ok := iin(fmt.Sprintf("%02d%02d%02d%d%04d", 60+r.IntN(40), 1+r.IntN(12), 1+r.IntN(28), 3+r.IntN(2), r.IntN(10000))); ok {
				return id
			}
		}
	}
	nine := fmt.Sprintf("%09d", 100_000_000+r.IntN(899_999_999))
	sum := 0
	for i := range 9 {
		sum += int(nine[i]-'0') * (9 - i)
	}
	return fmt.Sprintf("%s-%s-%s %02d", nine[:3], nine[3:6], nine[6:], sum%101%100)
}

// iin appends the control digit; some beginnings have none.
func iin(eleven string) (string, bool) {
	for _, shift := range []int{0, 2} {
		sum := 0
		for i := range 11 {
			sum += int(eleven[i]-'0') * ((i+shift)%11 + 1)
		}
		if k := sum % 11; k < 10 {
			return fmt.Sprintf("%s%d", eleven, k), eleven[4] <= '3'
		}
	}
	return "", false
}

func russian(r *rand.Rand) Person {
	surname, father := surnames[r.IntN(len(surnames))], men[r.IntN(len(men))]
	if r.IntN(2) == 0 {
		return Person{Last: surname, First: men[r.IntN(len(men))].name, Middle: father.son}
	}
	return Person{Last: feminine(surname), First: women[r.IntN(len(women))], Middle: father.daughter}
}

// feminine gives a surname its form for a woman.
func feminine(surname string) string {
	switch {
	case strings.HasSuffix(surname, "ский"):
		return strings.TrimSuffix(surname, "ий") + "ая"
	case strings.HasSuffix(surname, "ов"), strings.HasSuffix(surname, "ев"), strings.HasSuffix(surname, "ёв"), strings.HasSuffix(surname, "ин"):
		return surname + "а"
	}
	return surname
}

func kazakh(r *rand.Rand) Person {
	surname, father := kazakhSurnames[r.IntN(len(kazakhSurnames))], kazakhMen[r.IntN(len(kazakhMen))]
	if r.IntN(2) == 0 {
		return Person{Last: surname, First: kazakhMen[r.IntN(len(kazakhMen))], Middle: father + "ұлы"}
	}
	return Person{Last: feminine(surname), First: kazakhWomen[r.IntN(len(kazakhWomen))], Middle: father + "қызы"}
}

var latinLetters = strings.NewReplacer(
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "ё", "e", "ж", "zh", "з", "z", "и", "i", "й", "y", "к", "k", "л", "l",
	"м", "m", "н", "n", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f", "х", "kh", "ц", "ts", "ч", "ch", "ш", "sh",
	"щ", "sch", "ъ", "", "ы", "y", "ь", "", "э", "e", "ю", "yu", "я", "ya",
	"ә", "a", "ғ", "g", "қ", "q", "ң", "n", "ө", "o", "ұ", "u", "ү", "u", "һ", "h", "і", "i", "-", "",
)

func latin(s string) string { return latinLetters.Replace(strings.ToLower(s)) }
