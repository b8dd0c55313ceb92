package importers

import (
	"encoding/xml"
	"io"
	"os"
	"path"
	"strings"
)

// workbook is an .xlsx file: its directory of sheets, shared strings and
// styles. It is read by our own strict reader: docs/decisions/0020 says why
// excelize, which writes our workbooks, does not read others.
type workbook struct {
	file    *os.File
	archive *archive
	limits  Limits
	list    []sheetEntry
	styles  []style
	strings *stringTable // read when the first sheet is opened
	day0    epoch
	shared  string // part names; empty when the workbook has none
	styling string
}

// sheetEntry is one sheet in the workbook's directory.
type sheetEntry struct {
	name, part string
	hidden     bool
}

const mainPart = "officeDocument"

// openWorkbook reads the directory parts of a zip archive and refuses what is
// another kind of document.
func openWorkbook(file *os.File, size int64, limits Limits) (book, error) {
	a, err := openArchive(file, size, limits)
	if err != nil {
		return nil, err
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
	case a.has("xl/vbaProject.bin"):
		return fileProblem(FileMacro, 0, "The workbook holds macros, which are never opened: save it as an Excel workbook without macros (.xlsx).")
	case a.has("xl/workbook.bin"):
		return fileProblem(FileFormat, 0, "This is a binary workbook (.xlsb), which is not read: save it as an Excel workbook (.xlsx).")
	case a.has("mimetype"):
		return fileProblem(FileFormat, 0, "This is an OpenDocument file (.ods), which is not read: save it as an Excel workbook (.xlsx).")
	case a.hasPrefix("word/"):
		return fileProblem(FileFormat, 0, "This is a Word document: save the list as an Excel workbook (.xlsx) or CSV.")
	case !a.has("[Content_Types].xml") || !a.has("_rels/.rels"):
		return fileProblem(FileFormat, 0, "This is an archive, not a workbook: unpack it, and send the workbook (.xlsx) inside.")
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
		return fileProblem(FileFormat, 0, "This is an archive, not a workbook: save the list as an Excel workbook (.xlsx).")
	}
	if err := w.refuseMacroType(main); err != nil {
		return err
	}
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

// refuseMacroType refuses a workbook that is declared to have macros even when
// the macros are stored under another name.
func (w *workbook) refuseMacroType(main string) error {
	p, err := w.part("[Content_Types].xml")
	if err != nil {
		return err
	}
	macro, workbook := false, false
	err = p.each(func(e xml.StartElement) error {
		kind := strings.ToLower(attr(e, "ContentType"))
		macro = macro || strings.Contains(kind, "macroenabled") || strings.Contains(kind, "vbaproject")
		if e.Name.Local == "Override" && strings.EqualFold(strings.TrimPrefix(attr(e, "PartName"), "/"), main) {
			workbook = strings.Contains(kind, "spreadsheetml")
		}
		workbook = workbook || e.Name.Local == "Default" && strings.Contains(kind, "spreadsheetml.sheet.main")
		return nil
	})
	switch {
	case err != nil:
		return err
	case macro:
		return fileProblem(FileMacro, 0, "The workbook may hold macros, which are never opened: save it as an Excel workbook without macros (.xlsx).")
	case !workbook:
		return fileProblem(FileFormat, 0, "This is an Office document, but no workbook: save the list as an Excel workbook (.xlsx).")
	}
	return nil
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
			if v := attr(e, "date1904"); v == "1" || v == "true" {
				w.day0 = epoch1904
			}
		case "sheet":
			r, ok := targets[attr(e, "id")]
			if !ok || r.kind != "worksheet" {
				return nil // a chart or dialog sheet, or an entry of another list of that name
			}
			state := attr(e, "state")
			w.list = append(w.list, sheetEntry{attr(e, "name"), r.target, state == "hidden" || state == "veryHidden"})
		}
		return nil
	})
	if err == nil && len(w.list) == 0 {
		return fileProblem(FileDamaged, 0, "The workbook has no sheet: save the list again with Excel.")
	}
	return err
}

// sheets implements book.
func (w *workbook) sheets() []string {
	var names []string
	for _, s := range w.list {
		if !s.hidden {
			names = append(names, s.name)
		}
	}
	return names
}

// describe implements book.
func (w *workbook) describe() (format, encoding string) { return "xlsx", "utf-8" }

// Close implements io.Closer.
func (w *workbook) Close() error { return w.file.Close() }

// named implements book. A hidden sheet may be asked for.
func (w *workbook) named(name string) (string, error) {
	for _, s := range w.list {
		if fold(s.name) == fold(name) {
			return s.name, nil
		}
	}
	return "", fileProblem(SheetMissing, 0, "The workbook has no sheet of that name; it has: %s.", strings.Join(w.sheets(), ", "))
}

// open implements book.
func (w *workbook) open(name string) (source, error) {
	for _, s := range w.list {
		if s.name != name {
			continue
		}
		if err := w.readStrings(); err != nil {
			return nil, err
		}
		r, err := w.archive.open(s.part)
		if err != nil {
			return nil, err
		}
		return newSheet(w, s.name, r), nil
	}
	return nil, fileProblem(SheetMissing, 0, "The workbook has no such sheet.")
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
