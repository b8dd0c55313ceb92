package book

import (
	"encoding/xml"
	"os"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// odsBook is an OpenDocument spreadsheet (OASIS OpenDocument 1.3, part 3): its
// sheets stand one after the other in one part.
type odsBook struct {
	directory
	file    *os.File
	archive *archive
	limits  Limits
	macros  bool
}

const (
	odsContent  = "content.xml"
	odsManifest = "META-INF/manifest.xml"
)

// openODS refuses what is another kind of OpenDocument, and finds the sheets.
func openODS(file *os.File, a *archive, limits Limits) (Book, error) {
	if err := checkODS(a); err != nil {
		return nil, err
	}
	b := &odsBook{file: file, archive: a, limits: limits, macros: a.hasPrefix("basic/") || a.hasPrefix("scripts/")}
	if err := b.findSheets(); err != nil {
		return nil, err
	}
	if len(b.directory) == 0 {
		return nil, Problem(FileDamaged, 0, "The workbook has no sheet: save the list again with LibreOffice or Excel.")
	}
	return b, nil
}

// checkODS looks at the declarations of the package.
func checkODS(a *archive) error {
	r, err := a.open("mimetype")
	if err != nil {
		return err
	}
	defer r.Close()
	kind := make([]byte, 128)
	n := 0
	for err == nil && n < len(kind) {
		var read int
		read, err = r.Read(kind[n:])
		n += read
	}
	if !strings.HasPrefix(strings.TrimSpace(string(kind[:n])), "application/vnd.oasis.opendocument.spreadsheet") {
		return Problem(FileFormat, 0, "This is an OpenDocument file, but no spreadsheet (.ods): save the list as an Excel workbook (.xlsx).")
	}
	if a.has("encrypted-package") {
		return encryptedWorkbook()
	}
	if !a.has(odsManifest) {
		return nil
	}
	return eachElement(a, odsManifest, func(e xml.StartElement) error {
		if e.Name.Local == "encryption-data" {
			return encryptedWorkbook()
		}
		return nil
	})
}

func eachElement(a *archive, name string, f func(xml.StartElement) error) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	return newPart(r).each(f)
}

// findSheets reads the whole part once, so that it is known to be sound.
func (b *odsBook) findSheets() error {
	r, err := b.archive.open(odsContent)
	if err != nil {
		return err
	}
	p := newPart(r)
	hidden := map[string]bool{}
	styleName := ""
	return p.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "style":
			styleName = attr(e, "name")
		case "table-properties":
			if attr(e, "display") == "false" {
				hidden[styleName] = true
			}
		case "table":
			b.directory = append(b.directory, sheetEntry{name: attr(e, "name"), hidden: hidden[attr(e, "style-name")]})
			return p.skip()
		case "tracked-changes", "text":
			return p.skip()
		}
		return nil
	})
}

// Describe implements Book.
func (b *odsBook) Describe() (format, encoding string) { return "ods", "utf-8" }

// Close implements io.Closer.
func (b *odsBook) Close() error { return b.file.Close() }

// Remarks implements Book.
func (b *odsBook) Remarks() []tenancy.Problem {
	if b.macros {
		return []tenancy.Problem{macrosUnread()}
	}
	return nil
}

// Open implements Book.
func (b *odsBook) Open(name string) (Source, error) {
	i, err := b.find(name)
	if err != nil {
		return nil, err
	}
	r, err := b.archive.open(odsContent)
	if err != nil {
		return nil, err
	}
	t := &odsTable{part: newPart(r), limits: b.limits, name: name}
	if err := t.advance(i); err != nil {
		t.Stop()
		return nil, err
	}
	return t, nil
}

// advance reads up to the given table.
func (t *odsTable) advance(tables int) error {
	for {
		token, err := t.part.token()
		if err != nil {
			return unexpectedEnd(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch {
		case e.Name.Local == "table" && tables == 0:
			t.until = t.part.depth - 1
			return nil
		case e.Name.Local == "table":
			tables--
			err = t.part.skip()
		case slices.Contains([]string{"tracked-changes", "text", "automatic-styles"}, e.Name.Local):
			err = t.part.skip()
		}
		if err != nil {
			return err
		}
	}
}
