package book

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

// style is what a cell's number format means to us.
type style struct {
	date   bool
	digits int // a format of zeros, such as 000000, shows at least so many digits
}

// readStyles reads the number formats of a workbook's cell styles.
func readStyles(a *archive, name string) ([]style, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	p := newPart(r)
	formats := map[int]style{}
	var styles []style
	inCells := false
	err = p.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attr(e, "numFmtId")); err == nil {
				formats[id] = styleOf(attr(e, "formatCode"))
			}
		case "cellStyleXfs", "dxfs", "cellStyles":
			inCells = false
		case "cellXfs":
			inCells = true
		case "xf":
			if inCells {
				id, _ := strconv.Atoi(attr(e, "numFmtId"))
				styles = append(styles, formatStyle(id, formats))
			}
		}
		return nil
	})
	return styles, err
}

// formatStyle looks a number format up: the built-in dates are those of
// ECMA-376 part 1, 18.8.30, East Asian ones included.
func formatStyle(id int, formats map[int]style) style {
	if s, ok := formats[id]; ok {
		return s
	}
	date := id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58
	return style{date: date}
}

// styleOf reads a number format's first section: what remains of it without
// literals and colours tells a date from a number.
func styleOf(code string) style {
	plain := plainFormat(code)
	if strings.ContainsAny(plain, "yd") || strings.Contains(plain, "m") && !strings.ContainsAny(plain, "#0?") {
		return style{date: true}
	}
	zeros := strings.Count(plain, "0")
	if zeros > 1 && strings.Trim(plain, "0- ()") == "" {
		return style{digits: zeros}
	}
	return style{}
}

// plainFormat drops quoted and escaped literals, [colours] and all sections but
// the first, and lowers the case.
func plainFormat(code string) string {
	var b strings.Builder
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case ';':
			return b.String()
		case '\\', '_', '*':
			i++
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return b.String()
			}
			i += end + 1
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return b.String()
			}
			i += end
		default:
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			b.WriteByte(c)
		}
	}
	if b.String() == "general" {
		return ""
	}
	return b.String()
}

// exactInteger is the largest integer of which Excel keeps every digit (15).
const exactInteger = 1e15

// number is a number as a cell of that style shows it; ok is false for what is
// no number.
func (e Epoch) number(n float64, look style) (c Cell, ok bool) {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Cell{}, false
	}
	if look.date {
		if n >= 0 && n < 1 { // a formula's nought in a column of dates: Excel shows 00.01.1900
			return Cell{Kind: DateCell, Text: dayZero}, true
		}
		day, ok := e.Day(n)
		if !ok {
			return Cell{Kind: LostCell}, true
		}
		return Cell{Kind: DateCell, Text: day.String()}, true
	}
	if math.Abs(n) >= exactInteger {
		return Cell{Kind: LostCell}, true
	}
	text := strconv.FormatFloat(n, 'f', -1, 64)
	for n >= 0 && n == math.Trunc(n) && len(text) < look.digits {
		text = "0" + text
	}
	return Cell{Kind: NumberCell, Text: text}, true
}
