package importers

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// epoch is the way in which a workbook counts days.
type epoch bool

const (
	epoch1900 epoch = false
	epoch1904 epoch = true
)

// lastSerial is 31 December 9999 counted from 1900.
const lastSerial = 2958465

// day turns a serial number into a date, dropping the time of the day. Serials
// of 1900 are off by one before 1 March because Excel believes in 29 February
// 1900; no roster has such dates, and they are refused as out of range.
func (e epoch) day(serial float64) (tenancy.Date, bool) {
	if serial < 61 && e == epoch1900 || serial < 0 || serial > lastSerial {
		return tenancy.Date{}, false
	}
	zero := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if e == epoch1904 {
		zero = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return tenancy.DateOf(zero.AddDate(0, 0, int(math.Floor(serial)))), true
}

// earliest is the first year that a roster may hold.
const earliest = 1900

var (
	isoDate    = regexp.MustCompile(`^(\d{4})[-./](\d{1,2})[-./](\d{1,2})$`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})[.\-](\d{1,2})[.\-](\d{4}|\d{2})$`)
	slashDate  = regexp.MustCompile(`^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})$`)
	wordDate   = regexp.MustCompile(`^(\d{1,2}) (\pL+) (\d{4})$`)
	clockTail  = regexp.MustCompile(`[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$`)
	yearTail   = regexp.MustCompile(` ?(г|года|ж|жыл|y)\.?$`)
	serialDate = regexp.MustCompile(`^\d{5}(\.\d+)?$`)
)

// months begins the names of months in Russian and Kazakh (genitive or not).
var months = []struct {
	first string
	month time.Month
}{
	{"янв", 1}, {"фев", 2}, {"мар", 3}, {"апр", 4}, {"мая", 5}, {"май", 5}, {"июн", 6}, {"июл", 7},
	{"авг", 8}, {"сен", 9}, {"окт", 10}, {"ноя", 11}, {"дек", 12},
	{"қаң", 1}, {"ақп", 2}, {"нау", 3}, {"сәу", 4}, {"мам", 5}, {"мау", 6}, {"шіл", 7}, {"там", 8},
	{"қыр", 9}, {"қаз", 10}, {"қар", 11}, {"жел", 12},
}

// parseDate reads a date as people write it here: day first, year last, or ISO.
// A date of slashes that could be month first as well is not guessed. empty
// says that the text means "no date". Two-digit years fall into the hundred
// years that end ten years after today (today, for a birth date).
func parseDate(text string, today tenancy.Date, birth bool) (date tenancy.Date, empty, ok bool) {
	text = yearTail.ReplaceAllString(clockTail.ReplaceAllString(text, ""), "")
	switch {
	case text == "" || text == "01.01.0001" || text == "0001-01-01":
		return tenancy.Date{}, true, true // the empty date of 1C
	case serialDate.MatchString(text):
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return tenancy.Date{}, false, false
		}
		date, ok = epoch1900.day(n)
	default:
		date, ok = writtenDate(text, today, birth)
	}
	return date, false, ok && plausible(date, today, birth)
}

func writtenDate(text string, today tenancy.Date, birth bool) (tenancy.Date, bool) {
	if m := isoDate.FindStringSubmatch(text); m != nil {
		return calendarDay(m[1], m[2], m[3], today, birth)
	}
	if m := dottedDate.FindStringSubmatch(text); m != nil {
		return calendarDay(m[3], m[2], m[1], today, birth)
	}
	if m := slashDate.FindStringSubmatch(text); m != nil {
		day, _ := strconv.Atoi(m[1])
		if day <= 12 && strings.TrimLeft(m[1], "0") != strings.TrimLeft(m[2], "0") {
			return tenancy.Date{}, false // 03/04/2024 may be either
		}
		return calendarDay(m[3], m[2], m[1], today, birth)
	}
	if m := wordDate.FindStringSubmatch(strings.ToLower(text)); m != nil {
		for _, x := range months {
			if strings.HasPrefix(m[2], x.first) {
				return calendarDay(m[3], strconv.Itoa(int(x.month)), m[1], today, birth)
			}
		}
	}
	return tenancy.Date{}, false
}

func calendarDay(year, month, day string, today tenancy.Date, birth bool) (tenancy.Date, bool) {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if len(year) == 2 {
		last := today.Year + 10
		if birth {
			last = today.Year
		}
		y += last - last%100
		if y > last {
			y -= 100
		}
	}
	date := tenancy.NewDate(y, time.Month(m), d)
	return date, m >= 1 && m <= 12 && date.Day == d && date.Month == time.Month(m)
}

// plausible refuses days that no living employee can have.
func plausible(date, today tenancy.Date, birth bool) bool {
	if birth {
		return date.Year >= earliest && date.Before(today)
	}
	return date.Year >= earliest+20 && date.Year <= today.Year+50
}
