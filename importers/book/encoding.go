package book

import (
	"bytes"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	textunicode "golang.org/x/text/encoding/unicode"
)

// charset is an encoding with its IANA name in lower case. A nil decoder means
// that the bytes are UTF-8 already.
type charset struct {
	name string
	enc  encoding.Encoding
	bom  int // bytes to leave out at the beginning
}

var (
	utf8Charset = charset{name: "utf-8"}
	utf16LE     = charset{name: "utf-16le", enc: textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM)}
	utf16BE     = charset{name: "utf-16be", enc: textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM)}
)

// legacy are the one-byte encodings of Russian text, likeliest first.
var legacy = []struct {
	name string
	m    *charmap.Charmap
}{
	{"windows-1251", charmap.Windows1251},
	{"ibm866", charmap.CodePage866},
	{"koi8-r", charmap.KOI8R},
}

// evidence is what one look at every byte of a file tells of its encoding.
type evidence struct {
	counts       [256]int64
	evenHigh     int64 // bytes at even places that, in UTF-16, begin Latin and Cyrillic letters
	oddHigh      int64
	firstNUL     int64 // line
	last         byte
	wideControls int64 // pairs that would be control characters in UTF-16
	invalid      int64 // places that are no UTF-8
	multibyte    int64 // characters of several bytes that are UTF-8
	replaced     int64 // line of the first U+FFFD, which an earlier conversion left
	cutAtEnd     bool  // the file ends inside a character
	lines        int64
	size         int64
	firstBytes   []byte
}

// look reads the file once.
func look(r io.Reader) (evidence, error) {
	e := evidence{lines: 1}
	buf := make([]byte, 64<<10)
	kept := 0
	for {
		n, err := r.Read(buf[kept:])
		chunk := buf[:kept+n]
		if e.size == 0 {
			e.firstBytes = append(e.firstBytes, chunk[:min(4, len(chunk))]...)
		}
		used := e.take(chunk, err != nil)
		kept = copy(buf, chunk[used:])
		if err == io.EOF {
			return e, nil
		}
		if err != nil {
			return e, cannotOpen(err)
		}
	}
}

// take looks at a chunk and returns how much of it: a character cut by the end
// of the chunk waits for the next one unless it is the last.
func (e *evidence) take(chunk []byte, last bool) int {
	i := 0
	for i < len(chunk) {
		c := chunk[i]
		n := 1
		if c >= utf8.RuneSelf {
			if !last && !utf8.FullRune(chunk[i:]) {
				break
			}
			n = e.takeWide(chunk[i:])
		} else if c == 0 {
			e.takeNUL()
		} else if c == '\n' {
			e.lines++
		}
		if n == 1 && e.size%2 != 0 && (e.last == 0 && isControl(c) || c == 0 && isControl(e.last)) {
			e.wideControls++
		}
		e.last = chunk[i+n-1]
		for k, b := range chunk[i : i+n] {
			e.counts[b]++
			if b == 0 || b == cyrillicHigh {
				e.takeHigh(e.size + int64(k))
			}
		}
		i += n
		e.size += int64(n)
	}
	return i
}

func (e *evidence) takeWide(b []byte) int {
	r, n := utf8.DecodeRune(b)
	switch {
	case r == utf8.RuneError && n == 1:
		e.invalid++
		e.cutAtEnd = !utf8.FullRune(b)
	case r == utf8.RuneError && e.replaced == 0:
		e.replaced = e.lines
	default:
		e.multibyte++
	}
	return n
}

func (e *evidence) takeNUL() {
	if e.firstNUL == 0 {
		e.firstNUL = e.lines
	}
}

// cyrillicHigh is the upper byte of Cyrillic letters in UTF-16, which no text
// in another encoding holds; that of Latin ones is 0.
const cyrillicHigh = 4

func (e *evidence) takeHigh(at int64) {
	if at%2 == 0 {
		e.evenHigh++
	} else {
		e.oddHigh++
	}
}

// decide weighs the evidence: a byte order mark, then valid UTF-8, then the
// legacy encoding in which the text looks most like Russian.
func (e evidence) decide() (charset, error) {
	switch {
	case bytes.HasPrefix(e.firstBytes, []byte("\xff\xfe")):
		return e.wide(utf16LE, 2)
	case bytes.HasPrefix(e.firstBytes, []byte("\xfe\xff")):
		return e.wide(utf16BE, 2)
	case e.wideControls > e.size/100:
		return charset{}, neitherBookNorText()
	case e.oddHigh > e.size/4 && 20*e.evenHigh < e.oddHigh:
		return e.wide(utf16LE, 0)
	case e.evenHigh > e.size/4 && 20*e.oddHigh < e.evenHigh:
		return e.wide(utf16BE, 0)
	case e.controls() > e.size/100:
		return charset{}, neitherBookNorText()
	case e.firstNUL > 0:
		return charset{}, Problem(FileDamaged, int(e.firstNUL), "The text holds a NUL character, which no list has: save and send the file again.")
	}
	bom := bytes.HasPrefix(e.firstBytes, []byte("\xef\xbb\xbf"))
	if e.invalid == 0 || e.cutAtEnd && e.invalid == 1 && (bom || e.multibyte > 0) || bom || e.multibyte > 10*e.invalid {
		return e.utf8(bom)
	}
	return e.legacy()
}

func neitherBookNorText() error {
	return Problem(FileFormat, 0, "This is neither a workbook nor text: save the list as an Excel workbook (.xlsx) or CSV.")
}

// isControl reports whether only binary files have the character.
func isControl(b byte) bool { return b < ' ' && b != '\t' && b != '\n' && b != '\r' }

// controls counts the characters that only binary files have.
func (e evidence) controls() int64 {
	var n int64
	for b, count := range e.counts[:' '] {
		if isControl(byte(b)) {
			n += count
		}
	}
	return n
}

func (e evidence) wide(c charset, bom int) (charset, error) {
	if e.size%2 != 0 {
		return charset{}, Problem(FileDamaged, int(e.lines), "The file ends inside a character: it was not sent whole. Send it again.")
	}
	c.bom = bom
	return c, nil
}

func (e evidence) utf8(bom bool) (charset, error) {
	switch {
	case e.cutAtEnd && e.invalid == 1:
		return charset{}, Problem(FileDamaged, int(e.lines), "The file ends inside a character: it was not sent whole. Send it again.")
	case e.invalid > 0:
		return charset{}, Problem(EncodingLossy, 0, "The text mixes two encodings in %d places, so that letters would be lost: save the list as an Excel workbook (.xlsx), or as CSV in UTF-8.", e.invalid)
	case e.replaced > 0:
		return charset{}, Problem(EncodingLossy, int(e.replaced), "Letters were lost in an earlier conversion (they stand as the sign \ufffd): save the list from its source as an Excel workbook (.xlsx).")
	}
	c := utf8Charset
	if bom {
		c.bom = 3
	}
	return c, nil
}

func (e evidence) legacy() (charset, error) {
	best, most := legacy[0], math.Inf(-1)
	for _, l := range legacy {
		if score := e.russian(l.m); score > most {
			best, most = l, score
		}
	}
	for b, n := range e.counts {
		if n > 0 && best.m.DecodeByte(byte(b)) == utf8.RuneError {
			return charset{}, Problem(EncodingLossy, 0, "The text is in no encoding that we know without losing letters: save the list as an Excel workbook (.xlsx), or as CSV in UTF-8.")
		}
	}
	return charset{name: best.name, enc: best.m}, nil
}

// perMille is how often the letters occur in Russian text, in thousandths.
var perMille = map[rune]float64{
	'о': 110, 'е': 85, 'а': 80, 'и': 74, 'н': 67, 'т': 63, 'с': 55, 'р': 47, 'в': 45, 'л': 44, 'к': 35, 'м': 32, 'д': 30, 'п': 28, 'у': 26, 'я': 20,
	'ы': 19, 'ь': 17, 'г': 17, 'з': 16, 'б': 16, 'ч': 14, 'й': 12, 'х': 10, 'ж': 9, 'ш': 7, 'ю': 6, 'ц': 5, 'щ': 4, 'э': 3, 'ф': 3, 'ъ': 0.4, 'ё': 0.4,
}

// russian is the logarithm of how likely the bytes above ASCII are as Russian
// text in an encoding. Capitals count a little less than small letters: lists
// typed all in capitals must not be taken for another encoding's small ones.
func (e evidence) russian(m *charmap.Charmap) float64 {
	score := 0.0
	for b := utf8.RuneSelf; b < 256; b++ {
		if e.counts[b] == 0 {
			continue
		}
		r := m.DecodeByte(byte(b))
		likely := perMille[unicode.ToLower(r)]
		switch {
		case likely > 0 && unicode.IsUpper(r):
			likely *= 0.7
		case likely > 0:
		case strings.ContainsRune("«»№–—\u00a0", r):
			likely = 2
		default:
			likely = 0.02
		}
		score += math.Log(likely) * float64(e.counts[b])
	}
	return score
}

// decode returns the text in UTF-8.
func (c charset) decode(r io.Reader) io.Reader {
	if c.enc == nil {
		return r
	}
	return c.enc.NewDecoder().Reader(r)
}
