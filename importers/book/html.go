package book

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/ponimayu/opora/internal/tenancy"
)

// htmlBook is a web page whose tables are lists. 1C and many web systems write
// such a page and call it .xls, because Excel opens it.
type htmlBook struct {
	directory
	file    *os.File
	size    int64
	limits  Limits
	charset charset
	at      []int64 // where the tables of directory begin in the decoded text
}

// Bounds on a page. A token is a tag or a run of text; pictures stand in tags.
const (
	maxTables = 1000
	maxToken  = 8 << 20
)

// openHTML reads the page once to its end, to find its tables and to see that
// none is cut.
func openHTML(file *os.File, size int64, limits Limits) (Book, error) {
	seen, err := look(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4096)
	n, _ := file.ReadAt(head, 0)
	b := &htmlBook{file: file, size: size, limits: limits}
	if b.charset, err = pageCharset(seen, head[:n]); err != nil {
		return nil, err
	}
	if err := b.findTables(); err != nil {
		return nil, err
	}
	switch len(b.directory) {
	case 0:
		return nil, Problem(FileFormat, 0, "This is a web page without a table: save the list as an Excel workbook (.xlsx) or CSV.")
	case 1:
		b.directory[0].name = ""
	}
	return b, nil
}

// Named implements Book: a page with one table has nothing to choose from.
func (b *htmlBook) Named(name string) (string, error) {
	if len(b.directory) == 1 {
		return "", nil
	}
	return b.directory.Named(name)
}

var declared = regexp.MustCompile(`(?i)<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([-\w]+)`)

// pageCharset believes a byte order mark and valid UTF-8 first, then what the
// page says, unless that is a Western encoding, which programs write unasked.
func pageCharset(seen evidence, head []byte) (charset, error) {
	found, err := seen.decide()
	if err == nil && (found.name == utf8Charset.name || found.bom > 0 || found.name == utf16LE.name || found.name == utf16BE.name) {
		return found, nil
	}
	said := declared.FindSubmatch(head)
	if said == nil {
		return found, err
	}
	enc, unknown := htmlindex.Get(string(said[1]))
	m, single := enc.(*charmap.Charmap)
	if unknown != nil || !single || m.DecodeByte(0xcf) < 0x0400 {
		return found, err
	}
	for b, n := range seen.counts {
		if n > 0 && m.DecodeByte(byte(b)) == utf8.RuneError {
			return found, err
		}
	}
	name, _ := htmlindex.Name(enc)
	return charset{name: name, enc: m}, nil
}

// page returns the decoded text and its tokens, from a place on.
func (b *htmlBook) page(from int64) (*html.Tokenizer, error) {
	bom := int64(b.charset.bom)
	text := b.charset.decode(io.NewSectionReader(b.file, bom, b.size-bom))
	if _, err := io.CopyN(io.Discard, text, from); err != nil {
		return nil, pageEnd(err, 0)
	}
	z := html.NewTokenizer(text)
	z.SetMaxBuf(maxToken)
	return z, nil
}

func damagedPage(line int, what string) error {
	return Problem(FileDamaged, line, "The table is damaged: %s. Save and send the list again.", what)
}

// pageEnd says what stopped the tokens other than the end.
func pageEnd(err error, line int) error {
	if errors.Is(err, html.ErrBufferExceeded) {
		return Problem(FileTooLarge, line, "The page holds something larger than any cell: copy the list alone into a new workbook, as values.")
	}
	return damagedPage(line, "it ends too early or cannot be decoded")
}

// findTables notes where tables begin. Every one must end, and so must every tag.
func (b *htmlBook) findTables() error {
	z, err := b.page(0)
	if err != nil {
		return err
	}
	var at int64
	open, rows, raw, whole := 0, 0, "", true
	for {
		kind := z.Next()
		length := int64(len(z.Raw()))
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return pageEnd(z.Err(), rows)
			}
			if length > 0 || open > 0 || raw != "" || !whole && len(b.at) == 0 {
				return damagedPage(rows, "the page ends inside a tag or a table, so it was not sent whole")
			}
			return nil
		case html.CommentToken:
			if !strings.HasSuffix(string(z.Raw()), ">") {
				return damagedPage(rows, "a remark inside is never ended")
			}
		case html.StartTagToken:
			switch name := tagName(z); {
			case name == "html":
				whole = false
			case name == "table":
				if err := b.addTable(at); err != nil {
					return err
				}
				open++
				rows = 0
			case name == "tr":
				rows++
			case rawText[name]:
				raw = name
			}
		case html.EndTagToken:
			switch name := tagName(z); {
			case name == "table" && open > 0:
				open--
			case name == "html":
				whole = true
			case name == raw:
				raw = ""
			}
		}
		at += length
	}
}

// rawText are the elements whose content is no text of the page.
var rawText = map[string]bool{"script": true, "style": true, "title": true, "textarea": true, "xmp": true, "iframe": true, "noembed": true, "noframes": true, "noscript": true}

func tagName(z *html.Tokenizer) string {
	name, _ := z.TagName()
	return string(name)
}

// addTable names the tables by their number.
func (b *htmlBook) addTable(at int64) error {
	if len(b.at) >= maxTables {
		return Problem(FileTooLarge, 0, "The page has more than %d tables: copy the list alone into a new workbook, as values.", maxTables)
	}
	b.at = append(b.at, at)
	b.directory = append(b.directory, sheetEntry{name: strconv.Itoa(len(b.at))})
	return nil
}

// Describe implements Book.
func (b *htmlBook) Describe() (format, encoding string) { return "html", b.charset.name }

// Remarks implements Book.
func (b *htmlBook) Remarks() []tenancy.Problem { return nil }

// Close implements io.Closer.
func (b *htmlBook) Close() error { return b.file.Close() }

// Open implements Book.
func (b *htmlBook) Open(name string) (Source, error) {
	i, err := b.find(name)
	if err != nil {
		return nil, err
	}
	z, err := b.page(b.at[i])
	if err != nil {
		return nil, err
	}
	z.Next() // <table>
	return &htmlTable{z: z, limits: b.limits, name: name}, nil
}
