package workbooks

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
)

// The colours of marked cells. They are no colours of Excel's palettes, so that
// a workbook that we have marked before is known again.
const (
	colourWrong  = "FFFFC2C5"
	colourWarned = "FFFFF0A6"
)

// styles is the part of a workbook that says how cells look. Looks are only
// added, so that every cell that is not marked stays as it is.
type styles struct {
	raw    []byte
	prefix string   // of the part's namespace, with its colon
	looks  [][]byte // the cells' looks (<cellXfs>), as they stand
	known  int      // looks of the original
	fills  int      // fills of the original
	ours   []int    // fills of the original that we have added before
	made   map[styleKey]int
}

type styleKey struct {
	base   int
	weight weight
	kind   byte // 'c' a marked cell, 'a' the advice, 'p' a cell without our colour
}

var errNoStyles = errors.New("workbooks: the workbook has no list of styles")

// maxStyles bounds the part, which is held whole.
const maxStyles = 32 << 20

// readStyles reads the part; errNoStyles when it lacks what looks need.
func readStyles(r io.Reader) (*styles, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxStyles+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxStyles {
		return nil, errNoStyles
	}
	s := &styles{raw: raw, made: map[styleKey]int{}}
	if err := s.each(func(context string, element []byte) {
		switch context {
		case "fills":
			if bytes.Contains(element, []byte(colourWrong)) || bytes.Contains(element, []byte(colourWarned)) {
				s.ours = append(s.ours, s.fills)
			}
			s.fills++
		case "cellXfs":
			s.looks = append(s.looks, bytes.Clone(element))
		}
	}); err != nil {
		return nil, err
	}
	if s.known = len(s.looks); s.fills == 0 || s.known == 0 {
		return nil, errNoStyles
	}
	return s, nil
}

// each hands over the elements directly inside of <fills> and <cellXfs>.
func (s *styles) each(f func(context string, element []byte)) error {
	context, depth := "", 0
	var element []byte
	return eachPiece(bytes.NewReader(s.raw), func(piece []byte, isTag bool) error {
		if !isTag {
			if depth > 0 {
				element = append(element, piece...)
			}
			return nil
		}
		name, closing, single := nameOf(piece)
		switch {
		case name == "styleSheet" && !closing:
			s.prefix = prefixOf(piece)
		case context == "" && (name == "fills" || name == "cellXfs") && !closing && !single:
			context = name
		case context != "" && depth == 0 && closing:
			context = ""
		case context != "":
			if depth == 0 {
				element = element[:0]
			}
			element = append(element, piece...)
			switch {
			case closing:
				depth--
			case !single:
				depth++
			}
			if depth == 0 {
				f(context, element)
			}
		}
		return nil
	})
}

// fillOf is the number of our fill of a weight, behind those of the original.
func (s *styles) fillOf(w weight) int {
	fills := max(s.fills, 2) // the first two are fixed
	if w == wrong {
		return fills
	}
	return fills + 1
}

// marked returns the look of a cell that looked like base, with our colour on it.
func (s *styles) marked(base int, w weight) int {
	return s.variant(styleKey{base, w, 'c'}, func(look []byte) []byte { return filled(look, s.fillOf(w)) })
}

// cleared returns the look of a cell without our colour: base itself unless we
// have coloured it before.
func (s *styles) cleared(base int) int {
	if len(s.ours) == 0 || base < 0 || base >= s.known {
		return base
	}
	if !slices.Contains(s.ours, number(firstTag(s.looks[base]), "fillId")) {
		return base
	}
	return s.variant(styleKey{base, fine, 'p'}, func(look []byte) []byte { return filled(look, 0) })
}

// advice returns the look of a line's advice.
func (s *styles) advice(w weight) int {
	return s.variant(styleKey{0, w, 'a'}, func([]byte) []byte {
		return []byte("<" + s.prefix + `xf numFmtId="49" fontId="0" fillId="` + strconv.Itoa(s.fillOf(w)) + `" borderId="0" xfId="0" applyNumberFormat="1" applyFill="1" applyAlignment="1">` +
			"<" + s.prefix + `alignment vertical="top" wrapText="1"/></` + s.prefix + "xf>")
	})
}

func (s *styles) variant(key styleKey, look func(base []byte) []byte) int {
	if key.base < 0 || key.base >= s.known {
		key.base = 0
	}
	id, ok := s.made[key]
	if !ok {
		id = len(s.looks)
		s.made[key] = id
		s.looks = append(s.looks, look(s.looks[key.base]))
	}
	return id
}

func firstTag(element []byte) []byte { return element[:bytes.IndexByte(element, '>')+1] }

func filled(look []byte, fill int) []byte {
	tag := firstTag(look)
	changed := withAttr(withAttr(tag, "fillId", strconv.Itoa(fill)), "applyFill", "1")
	return slicesJoin(changed, look[len(tag):])
}

// write writes the part with the looks that were added.
func (s *styles) write(w io.Writer) error {
	context := ""
	return copyPieces(bytes.NewReader(s.raw), w, func(piece []byte, isTag bool) []byte {
		if !isTag {
			return piece
		}
		name, closing, _ := nameOf(piece)
		switch {
		case (name == "fills" || name == "cellXfs") && closing && name == context:
			context = ""
			return slicesJoin(s.added(name), piece)
		case (name == "fills" || name == "cellXfs") && context == "" && !closing:
			context = name
			return withAttr(bytes.Clone(piece), "count", strconv.Itoa(s.count(name)))
		}
		return piece
	})
}

func (s *styles) count(name string) int {
	if name == "fills" {
		return s.fillOf(warned) + 1
	}
	return len(s.looks)
}

func (s *styles) added(name string) []byte {
	if name == "cellXfs" {
		return slicesJoin(s.looks[s.known:]...)
	}
	var b []byte
	for range 2 - min(s.fills, 2) {
		b = append(b, "<"+s.prefix+`fill><`+s.prefix+`patternFill patternType="none"/></`+s.prefix+"fill>"...)
	}
	for _, colour := range []string{colourWrong, colourWarned} {
		b = append(b, "<"+s.prefix+`fill><`+s.prefix+`patternFill patternType="solid"><`+s.prefix+`fgColor rgb="`+colour+`"/><`+s.prefix+`bgColor indexed="64"/></`+s.prefix+`patternFill></`+s.prefix+"fill>"...)
	}
	return b
}
