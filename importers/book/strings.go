package book

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// stringTable is a workbook's shared strings: one run of bytes and the ends of
// its pieces, because a million small strings cost more in headers than in text.
type stringTable struct {
	bytes []byte
	ends  []uint32
	long  int // bytes of long texts
}

// Bounds on what a workbook may make us remember before its first row: the
// texts of a million people take half of the first, and a text of four kilobytes
// is in no column of a list.
const (
	maxTexts     = 96 << 20
	longText     = 4 << 10
	maxLongTexts = 8 << 20
)

// check bounds the table, of which s is the last text.
func (t *stringTable) check(s string) error {
	if len(s) > longText {
		t.long += len(s)
	}
	switch {
	case t.long > maxLongTexts:
		return Problem(FileTooLarge, 0, "The workbook holds more than %d MB of texts that are longer than %d KB each: copy the list alone into a new workbook, as values.", maxLongTexts>>20, longText>>10)
	case len(t.bytes) > maxTexts:
		return Problem(FileTooLarge, 0, "The workbook holds more than %d MB of texts: split the list by legal entity or department.", maxTexts>>20)
	}
	return nil
}

// readStringTable reads the shared strings to the end of their part.
func readStringTable(p *part, limits Limits) (*stringTable, error) {
	t := &stringTable{}
	err := p.each(func(e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		s, err := richText(p, limits.Cell)
		if err != nil {
			return err
		}
		t.add(s)
		return t.check(s)
	})
	return t, err
}

// at returns the string with the index that a cell holds.
func (t *stringTable) at(index string) (string, bool) {
	i, err := strconv.ParseUint(strings.TrimSpace(index), 10, 32)
	if err != nil {
		return "", false
	}
	return t.get(i)
}

// add appends a string and returns its index.
func (t *stringTable) add(s string) uint64 {
	t.bytes = append(t.bytes, s...)
	t.ends = append(t.ends, uint32(len(t.bytes)))
	return uint64(len(t.ends) - 1)
}

// get returns the string of an index.
func (t *stringTable) get(i uint64) (string, bool) {
	if i >= uint64(len(t.ends)) {
		return "", false
	}
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return string(t.bytes[from:t.ends[i]]), true
}

// richText joins the runs of an <si> or <is> element that was just begun, and
// leaves out phonetic hints.
func richText(p *part, limit int) (string, error) {
	var b strings.Builder
	for until := p.depth - 1; p.depth > until; {
		t, err := p.token()
		if err != nil {
			return "", unexpectedEnd(err)
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "t":
			s, err := p.text(limit)
			if err != nil {
				return "", err
			}
			if b.WriteString(s); b.Len() > limit {
				return "", tooLongValue(limit)
			}
		case "rPh", "rPr":
			if err := p.skip(); err != nil {
				return "", err
			}
		}
	}
	return Clean(unescapeX(b.String())), nil
}

// unescapeX undoes the _xHHHH_ escapes with which Excel writes characters that
// XML does not allow (ECMA-376 part 1, 22.9.2.19, ST_Xstring).
func unescapeX(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+7 <= len(s) && s[i:i+2] == "_x" && s[i+6] == '_' {
			if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
				b.WriteRune(rune(n))
				i += 6
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
