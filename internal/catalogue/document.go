package catalogue

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/tenancy"
)

// kind is what a document describes: its top-level key.
type kind string

const (
	tenantKind  kind = "tenant"
	countryKind kind = "country"
	brandKind   kind = "brand"
	typesKind   kind = "specialist_types"
)

var kinds = []kind{tenantKind, countryKind, brandKind, typesKind}

// document is one YAML document, read, with the place of each of its parts.
type document struct {
	kind    kind
	file    string
	tenant  tenancy.Tenant
	country tenancy.Country
	brand   tenancy.Brand
	types   []tenancy.SpecialistType
	places  map[string]place
}

// The documents whose top-level key differs from the noun's own field.
type (
	countryDocument struct {
		Code          tenancy.CountryCode      `json:"country"`
		Name          tenancy.Text             `json:"name"`
		Realm         string                   `json:"realm"`
		Brand         tenancy.BrandID          `json:"brand"`
		Languages     []tenancy.Language       `json:"languages"`
		TimeZone      string                   `json:"time_zone"`
		PhoneRegion   string                   `json:"phone_region"`
		NationalIDs   []tenancy.NationalIDKind `json:"national_ids"`
		TenantTaxName string                   `json:"tenant_tax_name"`
	}
	brandDocument struct {
		ID   tenancy.BrandID `json:"brand"`
		Name tenancy.Text    `json:"name"`
	}
	typesDocument struct {
		Types []tenancy.SpecialistType `json:"specialist_types"`
	}
)

// at returns the place of a part, such as "contracts.0.from"; a part that is
// not written has the place of what it would be a part of.
func (d *document) at(parts ...any) place {
	path := join(parts...)
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		cut := strings.LastIndexByte(path, '.')
		if cut < 0 {
			return d.places[""]
		}
		path = path[:cut]
	}
}

// has reports whether a part is written, rightly or not.
func (d *document) has(parts ...any) bool {
	_, written := d.places[join(parts...)]
	return written
}

func join(parts ...any) string {
	words := make([]string, len(parts))
	for i, part := range parts {
		switch part := part.(type) {
		case int:
			words[i] = strconv.Itoa(part)
		case string:
			words[i] = part
		}
	}
	return strings.Join(words, ".")
}

// parse reads the documents of one file.
func (l *loader) parse(file string, source []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(source))
	for {
		var node yaml.Node
		err := dec.Decode(&node)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			l.syntaxProblem(file, source, err)
			return
		}
		l.parseDocument(file, &node)
	}
}

var (
	tabIndent = regexp.MustCompile(`(?m)^( *)\t`)
	errorLine = regexp.MustCompile(`line (\d+): `)
	// parserError are the complaints of yaml's parser, which counts lines from
	// 0; its scanner's complaints count from 1.
	parserError = regexp.MustCompile(`^(did not find expected (node|key|'-'|','|<)|found (undefined tag|duplicate %|incompatible))`)
)

// syntaxProblem puts a parser's error into words. A tab in the indentation is
// what usually broke it, and the parser blames another line for it.
func (l *loader) syntaxProblem(file string, source []byte, err error) {
	at := place{file: file}
	if tab := tabIndent.FindSubmatchIndex(source); tab != nil {
		at.line = 1 + bytes.Count(source[:tab[0]], []byte("\n"))
		at.column = 1 + tab[3] - tab[2]
		l.problem(at, "yaml_tab", "a tab indents this line; YAML is indented with spaces only")
		return
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if found := errorLine.FindStringSubmatch(message); found != nil {
		at.line, _ = strconv.Atoi(found[1])
		message = strings.TrimPrefix(message, found[0])
	}
	if at.line == 0 || parserError.MatchString(message) {
		at.line++
	}
	at.line = min(at.line, bytes.Count(bytes.TrimRight(source, "\n"), []byte("\n"))+1)
	l.problem(at, "yaml_syntax", "this is not YAML, here or just below: %s", message)
}

func (l *loader) parseDocument(file string, node *yaml.Node) {
	if node.Kind != yaml.DocumentNode || len(node.Content) == 0 {
		return
	}
	root := node.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return // nothing between two separators
	}
	d := &decoder{loader: l, document: &document{file: file, places: map[string]place{}}}
	if root.Kind != yaml.MappingNode {
		d.problem(root, "document_unknown", "a document of the catalogue begins with one of the keys %s", words(kinds))
		return
	}
	if d.document.kind = d.recognise(root); d.document.kind == "" {
		return
	}
	d.document.places[""] = d.placeOf(root)
	d.decodeDocument(root)
	l.documents = append(l.documents, d.document)
}

func (d *decoder) decodeDocument(root *yaml.Node) {
	switch d.document.kind {
	case tenantKind:
		d.value(root, reflect.ValueOf(&d.document.tenant).Elem(), "", rule{})
	case countryKind:
		var read countryDocument
		d.value(root, reflect.ValueOf(&read).Elem(), "", rule{})
		d.document.country = tenancy.Country(read)
	case brandKind:
		var read brandDocument
		d.value(root, reflect.ValueOf(&read).Elem(), "", rule{})
		d.document.brand = tenancy.Brand(read)
	case typesKind:
		var read typesDocument
		d.value(root, reflect.ValueOf(&read).Elem(), "", rule{})
		d.document.types = read.Types
	}
}

// recognise tells a document's kind by its top-level keys; "" after a problem.
func (d *decoder) recognise(root *yaml.Node) kind {
	var has []*yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i]; slices.Contains(kinds, kind(key.Value)) {
			if kind(key.Value) == brandKind && hasKey(root, string(countryKind)) {
				continue // a country names its brand
			}
			has = append(has, key)
		}
	}
	switch {
	case len(has) == 0:
		d.unrecognised(root)
		return ""
	case len(has) > 1 && has[0].Value != has[1].Value:
		d.problem(has[1], "document_ambiguous", "a document describes one thing, and this one has both `%s:` (line %d) and `%s:`; part them by a line `---`", has[0].Value, has[0].Line, has[1].Value)
		return ""
	}
	return kind(has[0].Value)
}

func hasKey(mapping *yaml.Node, name string) bool {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return true
		}
	}
	return false
}

// unrecognised says what a document without a known top-level key probably is.
func (d *decoder) unrecognised(root *yaml.Node) {
	looksLikeTenant := false
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		if near, distance := nearest(key.Value, texts(kinds)); distance <= 2 {
			d.problem(key, "key_unknown", "there is no key `%s:`; did you mean `%s:`?", key.Value, near)
			return
		}
		switch key.Value {
		case "contracts", "legal_entities", "segments", "domains", "sso", "contacts":
			looksLikeTenant = true
		}
	}
	if looksLikeTenant {
		d.problem(root, "tenant_missing", "this looks like a tenant, but nothing says which: add `tenant: <slug>` as its first line")
		return
	}
	d.problem(root, "document_unknown", "a document of the catalogue has one of the top-level keys %s", words(kinds))
}
