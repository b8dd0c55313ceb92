package book

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// part reads one XML part of a workbook strictly and to its very end. Libraries
// that stop quietly at the first fault lose the rest of a list, and a lost row
// reads as a person who left.
type part struct {
	decoder *xml.Decoder
	closer  io.Closer
	depth   int
	ended   bool // the root element has been closed
}

// newPart reads r, which may begin with a byte order mark: many programs write one.
func newPart(r io.ReadCloser) *part {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = in.Discard(len(mark)) // of what has been read
	}
	d := xml.NewDecoder(in)
	d.Strict = true
	return &part{decoder: d, closer: r}
}

// deepest is how many elements may stand in each other; the decoder keeps them all.
const deepest = 256

const byteOrderMark = "\ufeff"

func (p *part) close() { _ = p.closer.Close() }

var errDirective = errors.New("document type definition")

// token returns the next token that matters; io.EOF only after a whole,
// well-formed document with exactly one root.
func (p *part) token() (xml.Token, error) {
	for {
		t, err := p.decoder.Token()
		if errors.Is(err, io.EOF) && p.ended {
			return nil, io.EOF
		}
		if err != nil {
			return nil, damagedPart(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if p.ended {
				return nil, damagedPart(nil)
			}
			if p.depth++; p.depth > deepest {
				return nil, damagedPart(nil)
			}
			return t, nil
		case xml.EndElement:
			p.depth--
			p.ended = p.depth == 0
			return t, nil
		case xml.CharData:
			if p.depth > 0 {
				return t, nil
			}
			if strings.TrimSpace(string(t)) != "" {
				return nil, damagedPart(nil)
			}
		case xml.Directive:
			return nil, damagedPart(errDirective)
		}
	}
}

// skip reads to the end of the element that was just begun.
func (p *part) skip() error {
	for until := p.depth - 1; p.depth > until; {
		if _, err := p.token(); err != nil {
			return unexpectedEnd(err)
		}
	}
	return nil
}

// text returns the character data up to the end of the element that was just
// begun, at most limit bytes of it; elements inside are not allowed.
func (p *part) text(limit int) (string, error) {
	var b []byte
	for {
		t, err := p.token()
		if err != nil {
			return "", unexpectedEnd(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			if b = append(b, t...); len(b) > limit {
				return "", tooLongValue(limit)
			}
		case xml.EndElement:
			return string(b), nil
		default:
			return "", damagedPart(nil)
		}
	}
}

func tooLongValue(limit int) error {
	return Problem(FileTooLarge, 0, "A cell holds more than %d KB of text: shorten it.", limit>>10)
}

// each calls f for every element of the part in turn, and reads to its end.
func (p *part) each(f func(e xml.StartElement) error) error {
	defer p.close()
	for {
		t, err := p.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			if err := f(e); err != nil {
				return err
			}
		}
	}
}

// unexpectedEnd turns the end of the document inside an element into damage.
func unexpectedEnd(err error) error {
	var p tenancy.Problem
	if errors.As(err, &p) {
		return err
	}
	return damagedPart(err)
}

// attr returns the value of an attribute by its local name: both spellings of
// the standard's namespaces are in use.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
