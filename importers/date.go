package importers

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// earliest is the first year in which somebody on a list may be born.
const earliest = 1900

// youngest is the age below which nobody is employed: a two-digit year of birth
// that would make somebody younger is not known to be of this century.
const youngest = 14

// The patterns of written dates, day first or ISO.
var (
	isoDate     = regexp.MustCompile(`^(\d{4})[-./](\d{1,2})[-./](\d{1,2})$`)
	compactDate = regexp.MustCompile(`^((?:19|20)\d\d)(\d\d)(\d\d)$`) // SAP; 8 digits that fit are never day first: no month is 19 or 20
	dottedDate  = regexp.MustCompile(`^(\d{1,2}) ?[.,\- ] ?(\d{1,2}) ?[.,\- ] ?(\d{4}|\d{2})$`)
	slashDate   = regexp.MustCompile(`^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})$`)
	wordDate    = regexp.MustCompile(`^[«"]?(\d{1,2})[»"]?[ .-]*(\pL+)\.?[ ,.-]*(\d{4}|\d{2})$`)
	yearFirst   = regexp.MustCompile(`^(\d{4}) ?(?:ж|жыл|жылғы|жылы|г)\.? ?(\d{1,2}) ?(\pL+)$`)
	clockTail   = regexp.MustCompile(`(?:,? |T)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$`)
	yearTail    = regexp.MustCompile(` ?(?:г|год|года|ж|жыл|жылы|y)\.?$`)
	serialDate  = regexp.MustCompile(`^\d{5}(?:\.\d+)?$`)
	emptyDate   = regexp.MustCompile(`^(?:0?1[./-]0?1[./-]0001|0001-01-01|00[./-]00[./-](?:0000|00)|0000-00-00|00000000|30[./-]12[./-]1899|1899-12-30|0?[01][./-]0?1[./-]1900|1900-01-01|1900-01-00)$`)
	openEnd     = regexp.MustCompile(`^(?:(?:31[./-]12|0?1[./-]0?1)[./-](?:[39]999)|[39]999-(?:12-31|01-01)|99991231)$`)
)

// monthNames are the months in Russian, Kazakh (in its own letters and as it is
// typed without them) and English; three letters are enough.
var monthNames = [][]string{
	{"январь", "января", "қаңтар", "кантар", "каңтар", "january"},
	{"февраль", "февраля", "ақпан", "акпан", "february"},
	{"март", "марта", "наурыз", "march"},
	{"апрель", "апреля", "сәуір", "сауир", "april"},
	{"май", "мая", "мамыр", "may"},
	{"июнь", "июня", "маусым", "june"},
	{"июль", "июля", "шілде", "шилде", "july"},
	{"август", "августа", "тамыз", "august"},
	{"сентябрь", "сентября", "қыркүйек", "кыркуйек", "sept", "september"},
	{"октябрь", "октября", "қазан", "казан", "october"},
	{"ноябрь", "ноября", "қараша", "караша", "november"},
	{"декабрь", "декабря", "желтоқсан", "желтоксан", "december"},
}

// monthOf returns the month that a word of at least three letters names or
// begins to name.
func monthOf(word string) (time.Month, bool) {
	word = strings.ToLower(word)
	if utf8.RuneCountInString(word) < 3 {
		return 0, false
	}
	for i, names := range monthNames {
		for _, name := range names {
			if strings.HasPrefix(name, word) {
				return time.Month(i + 1), true
			}
		}
	}
	return 0, false
}

// calendar is what must be known to read dates.
type calendar struct {
	today tenancy.Date
	day0  book.Epoch
}

// parse reads a date as people write it here: day first, year last, or ISO, or
// the serial number of a day, all with or without a time of the day, which is
// dropped. A date of slashes that could be month first as well is not guessed.
// The zero date with ok says that the text means "no date": the empty dates of
// 1C, SAP and Excel, and of the last day the end of all time.
func (c calendar) parse(text string, field Field) (date tenancy.Date, ok bool) {
	if d, ok := usualDate(text); ok && c.plausible(d, field) && d.Year > earliest {
		return d, true
	}
	text = strings.TrimSpace(yearTail.ReplaceAllString(clockTail.ReplaceAllString(text, ""), ""))
	switch {
	case text == "" || emptyDate.MatchString(text), field == FieldLeftOn && openEnd.MatchString(text):
		return tenancy.Date{}, true
	case serialDate.MatchString(text):
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return tenancy.Date{}, false
		}
		date, ok = c.day0.Day(n)
	default:
		date, ok = c.written(text, field)
	}
	if !ok || !c.plausible(date, field) {
		return tenancy.Date{}, false
	}
	return date, true
}

// usualDate is the fast way for DD.MM.YYYY and YYYY-MM-DD.
func usualDate(s string) (tenancy.Date, bool) {
	if len(s) != 10 {
		return tenancy.Date{}, false
	}
	switch {
	case s[2] == '.' && s[5] == '.':
		return dayOf(s[6:], s[3:5], s[:2])
	case s[4] == '-' && s[7] == '-':
		return dayOf(s[:4], s[5:7], s[8:])
	}
	return tenancy.Date{}, false
}

func dayOf(year, month, day string) (tenancy.Date, bool) {
	if !allDigits(year) || !allDigits(month) || !allDigits(day) {
		return tenancy.Date{}, false
	}
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	date := tenancy.NewDate(y, time.Month(m), d)
	return date, m >= 1 && m <= 12 && date.Day == d && date.Month == time.Month(m)
}

func (c calendar) written(text string, field Field) (tenancy.Date, bool) {
	for _, p := range []*regexp.Regexp{isoDate, compactDate} {
		if m := p.FindStringSubmatch(text); m != nil {
			return dayOf(m[1], m[2], m[3])
		}
	}
	if m := dottedDate.FindStringSubmatch(text); m != nil {
		return c.dayIn(m[3], m[2], m[1], field)
	}
	if m := slashDate.FindStringSubmatch(text); m != nil {
		day, _ := strconv.Atoi(m[1])
		if day <= 12 && strings.TrimLeft(m[1], "0") != strings.TrimLeft(m[2], "0") {
			return tenancy.Date{}, false // 03/04/2024 may be either
		}
		return c.dayIn(m[3], m[2], m[1], field)
	}
	if m := yearFirst.FindStringSubmatch(text); m != nil {
		m[1], m[2], m[3] = m[2], m[3], m[1]
		return c.dayInMonth(m, field)
	}
	if m := wordDate.FindStringSubmatch(text); m != nil {
		return c.dayInMonth(m, field)
	}
	return tenancy.Date{}, false
}

// dayInMonth reads the day, the month's name and the year of a match.
func (c calendar) dayInMonth(m []string, field Field) (tenancy.Date, bool) {
	month, ok := monthOf(m[2])
	if !ok {
		return tenancy.Date{}, false
	}
	return c.dayIn(m[3], strconv.Itoa(int(month)), m[1], field)
}

// dayIn gives a two-digit year its century: the hundred years that end ten
// years after today, and for a birth date those that end today.
func (c calendar) dayIn(year, month, day string, field Field) (tenancy.Date, bool) {
	if len(year) == 2 {
		last := c.today.Year + 10
		if field == FieldBirthDate {
			last = c.today.Year
		}
		y, _ := strconv.Atoi(year)
		y += last - last%100
		if y > last {
			y -= 100
		}
		if field == FieldBirthDate && y > c.today.Year-youngest {
			return tenancy.Date{}, false
		}
		year = strconv.Itoa(y)
	}
	return dayOf(year, month, day)
}

// plausible refuses days that no living employee can have.
func (c calendar) plausible(date tenancy.Date, field Field) bool {
	if field == FieldBirthDate {
		return date.Year >= earliest && date.Before(c.today)
	}
	return date.Year >= earliest+20 && date.Year <= c.today.Year+50
}
