package book

import (
	"encoding/xml"
	"io"
	"os"
	"path"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// workbook is an .xlsx file: its directory of sheets, shared strings and
// styles. It is read by our own strict reader: docs/decisions/0020 says why
// excelize, which writes our workbooks, does not read others.
type workbook struct {
	file    *os.File
	archive *archive
	limits  Limits
	directory
	macros  bool
	styles  []style
	strings *stringTable // read when the first sheet is opened
	day0    Epoch
	main    string // part names; shared and styling are empty when the workbook has none
	shared  string
	styling string
}

const mainPart = "officeDocument"

// openWorkbook reads the directory parts of a zip archive and refuses what is
// another kind of document.
func openWorkbook(file *os.File, size int64, limits Limits) (Book, error) {
	a, err := openArchive(file, size, limits)
	if err != nil {
		return nil, err
	}
	if a.has("mimetype") && !a.has("xl/workbook.xml") {
		return openODS(file, a, limits)
	}
	if err := refuseForeign(a); err != nil {
		return nil, err
	}
	w := &workbook{file: file, archive: a, limits: limits}
	if err := w.readDirectory(); err != nil {
		return nil, err
	}
	if w.styling != "" {
		if w.styles, err = readStyles(a, w.styling); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// refuseForeign names what other documents in zip archives are.
func refuseForeign(a *archive) error {
	switch {
	case a.has("xl/workbook.bin"):
		return Problem(FileFormat, 0, "This is a binary workbook (.xlsb), which is not read: save it as an Excel workbook (.xlsx).")
	case a.hasPrefix("word/"):
		return Problem(FileFormat, 0, "This is a Word document: save the list as an Excel workbook (.xlsx) or CSV.")
	case !a.has("[Content_Types].xml") || !a.has("_rels/.rels"):
		return Problem(FileFormat, 0, "This is an archive, not a workbook: unpack it, and send the workbook (.xlsx) inside.")
	}
	return nil
}

func (w *workbook) readDirectory() error {
	roots, err := w.relations("")
	if err != nil {
		return err
	}
	main := ""
	for _, r := range roots {
		if r.kind == mainPart {
			main = r.target
		}
	}
	if main == "" {
		return Problem(FileFormat, 0, "This is an archive, not a workbook: save the list as an Excel workbook (.xlsx).")
	}
	if err := w.readTypes(main); err != nil {
		return err
	}
	w.main = main
	relations, err := w.relations(main)
	if err != nil {
		return err
	}
	for _, r := range relations {
		switch r.kind {
		case "sharedStrings":
			w.shared = r.target
		case "styles":
			w.styling = r.target
		}
	}
	return w.readSheetList(main, relations)
}

// readTypes finds out whether the main part is a workbook at all, and whether
// it may hold macros, under whatever name they are stored.
func (w *workbook) readTypes(main string) error {
	p, err := w.part("[Content_Types].xml")
	if err != nil {
		return err
	}
	w.macros = w.archive.has("xl/vbaProject.bin")
	workbook := false
	err = p.each(func(e xml.StartElement) error {
		kind := strings.ToLower(attr(e, "ContentType"))
		// What is said of every ".bin" is said whether there is one or not.
		w.macros = w.macros || strings.Contains(kind, "macroenabled") || e.Name.Local == "Override" && strings.Contains(kind, "vbaproject")
		if e.Name.Local == "Override" && strings.EqualFold(strings.TrimPrefix(attr(e, "PartName"), "/"), main) {
			workbook = isWorkbook(kind)
		}
		workbook = workbook || e.Name.Local == "Default" && isWorkbook(kind)
		return nil
	})
	if err == nil && !workbook {
		return Problem(FileFormat, 0, "This is an Office document, but no workbook: save the list as an Excel workbook (.xlsx).")
	}
	return err
}

// isWorkbook knows the content types of the main parts of .xlsx, .xltx, .xlsm
// and .xltm.
func isWorkbook(contentType string) bool {
	for _, known := range []string{"spreadsheetml.sheet.main", "spreadsheetml.template.main", "ms-excel.sheet.macroenabled.main", "ms-excel.template.macroenabled.main"} {
		if strings.Contains(contentType, known) {
			return true
		}
	}
	return false
}

func (w *workbook) part(name string) (*part, error) {
	r, err := w.archive.open(name)
	if err != nil {
		return nil, err
	}
	return newPart(r), nil
}

// relation is one entry of a part's relations: kind is the last word of its type.
type relation struct{ id, kind, target string }

// relations reads what a part refers to inside the archive; "" is the archive
// itself. External targets are never followed.
func (w *workbook) relations(of string) ([]relation, error) {
	name := path.Join(path.Dir(of), "_rels", path.Base(of)+".rels")
	if of == "" {
		name = "_rels/.rels"
	}
	p, err := w.part(name)
	if err != nil {
		return nil, err
	}
	var all []relation
	err = p.each(func(e xml.StartElement) error {
		if e.Name.Local != "Relationship" || attr(e, "TargetMode") == "External" {
			return nil
		}
		target := attr(e, "Target")
		if rooted, ok := strings.CutPrefix(target, "/"); ok {
			target = rooted
		} else {
			target = path.Join(path.Dir(of), target)
		}
		all = append(all, relation{attr(e, "Id"), path.Base(attr(e, "Type")), target})
		return nil
	})
	return all, err
}

func (w *workbook) readSheetList(main string, relations []relation) error {
	targets := map[string]relation{}
	for _, r := range relations {
		targets[r.id] = r
	}
	p, err := w.part(main)
	if err != nil {
		return err
	}
	err = p.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			if truth(attr(e, "date1904")) {
				w.day0 = Epoch1904
			}
		case "sheet":
			r, ok := targets[attr(e, "id")]
			macro := strings.HasSuffix(strings.ToLower(r.kind), "macrosheet")
			if !ok || r.kind != "worksheet" && !macro {
				return nil // a chart or dialog sheet, or an entry of another list of that name
			}
			w.macros = w.macros || macro
			state := attr(e, "state")
			w.directory = append(w.directory, sheetEntry{attr(e, "name"), r.target, state == "hidden" || state == "veryHidden", macro})
		}
		return nil
	})
	if err == nil && len(w.directory) == 0 {
		return Problem(FileDamaged, 0, "The workbook has no sheet: save the list again with Excel.")
	}
	return err
}

// Describe implements Book.
func (w *workbook) Describe() (format, encoding string) { return "xlsx", "utf-8" }

// Close implements io.Closer.
func (w *workbook) Close() error { return w.file.Close() }

// Remarks implements Book.
func (w *workbook) Remarks() []tenancy.Problem {
	if w.macros {
		return []tenancy.Problem{macrosUnread()}
	}
	return nil
}

// Open implements Book.
func (w *workbook) Open(name string) (Source, error) {
	i, err := w.find(name)
	if err != nil {
		return nil, err
	}
	if err := w.readStrings(); err != nil {
		return nil, err
	}
	r, err := w.archive.open(w.directory[i].part)
	if err != nil {
		return nil, err
	}
	return newSheet(w, name, r), nil
}

func (w *workbook) readStrings() error {
	if w.strings != nil {
		return nil
	}
	if w.shared == "" || !w.archive.has(w.shared) {
		w.strings = &stringTable{}
		return nil
	}
	p, err := w.part(w.shared)
	if err != nil {
		return err
	}
	w.strings, err = readStringTable(p, w.limits)
	return err
}

var _ io.Closer = (*workbook)(nil)

// Parts names the pieces of a workbook inside its archive that whoever
// marks the list in it must know. Strings and Styles are empty when the
// workbook has none.
type Parts struct{ Main, Sheet, Styles, Strings string }

// PartsOf finds the parts of an .xlsx or .xlsm workbook and of its sheet, the
// first one in sight when sheet is empty; ok is false for a file of another
// format. The archive has passed the checks of Open.
func PartsOf(path, sheet string, limits Limits) (parts Parts, ok bool, err error) {
	b, err := Open(path, limits)
	if err != nil {
		return parts, false, err
	}
	defer b.Close()
	w, ok := b.(*workbook)
	if !ok {
		return parts, false, nil
	}
	if all := w.Sheets(); sheet == "" && len(all) > 0 {
		sheet = all[0]
	}
	name, err := w.Named(sheet)
	if err != nil {
		return parts, false, err
	}
	for _, s := range w.directory {
		if s.name == name {
			return Parts{Main: w.main, Sheet: s.part, Styles: w.styling, Strings: w.shared}, true, nil
		}
	}
	return parts, false, nil
}
