package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
)

// MaxFileBytes is the size beyond which a catalogue file is refused.
const MaxFileBytes = 4 << 20

// Options of Load.
type Options struct {
	// Folder is how problems call the folder; their files are named below it.
	Folder string
	// Base gives the countries, brands and specialist types of a catalogue
	// without its own; nil is the built-in base.
	Base fs.FS
}

// Load reads and validates the catalogue in fsys. All problems are returned,
// in the order of files and lines; with one of severity error the catalogue is
// incomplete and must not be used (OK). Countries, brands and tenants are sorted
// by their codes, so that the layout of files does not matter; the order of
// specialist types is that of the files.
func Load(fsys fs.FS, opts Options) (tenancy.Catalogue, []tenancy.Problem) {
	l := &loader{folder: opts.Folder}
	l.read(fsys)
	if len(l.documents) == 0 && len(l.problems) == 0 {
		l.problem(place{file: l.folder}, "catalogue_empty", "there is no catalogue here: no *.yaml or *.yml file holds a document; begin with one that says `tenant: …`")
	}
	if len(l.documents) > 0 {
		l.addBase(opts.Base)
		l.validate()
	}
	slices.SortStableFunc(l.problems, byPlace)
	return l.catalogue(), l.problems
}

// OK reports whether none of the problems is an error.
func OK(problems []tenancy.Problem) bool {
	return !slices.ContainsFunc(problems, func(p tenancy.Problem) bool { return p.Severity == tenancy.SeverityError })
}

// loader gathers documents and problems.
type loader struct {
	folder    string
	documents []*document
	problems  []tenancy.Problem
}

// place is where something stands in the catalogue's files.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

func (l *loader) problem(at place, code tenancy.ProblemCode, format string, args ...any) {
	l.add(tenancy.SeverityError, at, code, fmt.Sprintf(format, args...))
}

func (l *loader) warn(at place, code tenancy.ProblemCode, format string, args ...any) {
	l.add(tenancy.SeverityWarning, at, code, fmt.Sprintf(format, args...))
}

func (l *loader) add(severity tenancy.Severity, at place, code tenancy.ProblemCode, message string) {
	p := tenancy.Problem{Code: code, Severity: severity, Message: message, File: at.file, Line: at.line}
	if at.column > 0 {
		p.Column = strconv.Itoa(at.column)
	}
	l.problems = append(l.problems, p)
}

func byPlace(a, b tenancy.Problem) int {
	column := func(p tenancy.Problem) int { n, _ := strconv.Atoi(p.Column); return n }
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(column(a), column(b)))
}

// read parses every YAML file of the tree; hidden files and folders are not
// part of the catalogue.
func (l *loader) read(fsys fs.FS) {
	_ = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			l.problem(place{file: path.Join(l.folder, name)}, "file_unreadable", "this cannot be read: %v", plainError(err))
			return nil
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || !isYAML(name):
			return nil
		}
		l.readFile(fsys, name)
		return nil
	})
}

func isYAML(name string) bool {
	extension := strings.ToLower(path.Ext(name))
	return extension == ".yaml" || extension == ".yml"
}

// plainError drops the path that the caller names already.
func plainError(err error) error {
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (l *loader) readFile(fsys fs.FS, name string) {
	at := place{file: path.Join(l.folder, name)}
	if info, err := fs.Stat(fsys, name); err == nil && info.Size() > MaxFileBytes {
		l.problem(at, "file_too_large", "the file has %d bytes; a catalogue file has at most %d", info.Size(), MaxFileBytes)
		return
	}
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		l.problem(at, "file_unreadable", "this cannot be read: %v", plainError(err))
		return
	}
	l.parse(at.file, source)
}

// addBase adds the base's documents of each kind that the catalogue lacks.
func (l *loader) addBase(base fs.FS) {
	if base == nil {
		base, _ = fs.Sub(templates.FS, "base")
	}
	from := &loader{folder: "(built-in)"}
	from.read(base)
	own := map[kind]bool{}
	for _, doc := range l.documents {
		own[doc.kind] = true
	}
	for _, doc := range from.documents {
		if doc.kind != tenantKind && !own[doc.kind] {
			l.documents = append(l.documents, doc)
		}
	}
	l.problems = append(l.problems, from.problems...)
}

// catalogue gathers what the documents say.
func (l *loader) catalogue() tenancy.Catalogue {
	var c tenancy.Catalogue
	for _, doc := range l.documents {
		switch doc.kind {
		case tenantKind:
			c.Tenants = append(c.Tenants, doc.tenant)
		case countryKind:
			c.Countries = append(c.Countries, doc.country)
		case brandKind:
			c.Brands = append(c.Brands, doc.brand)
		case typesKind:
			c.SpecialistTypes = append(c.SpecialistTypes, doc.types...)
		}
	}
	slices.SortStableFunc(c.Countries, func(a, b tenancy.Country) int { return cmp.Compare(a.Code, b.Code) })
	slices.SortStableFunc(c.Brands, func(a, b tenancy.Brand) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(c.Tenants, func(a, b tenancy.Tenant) int { return cmp.Compare(a.Slug, b.Slug) })
	return c
}
