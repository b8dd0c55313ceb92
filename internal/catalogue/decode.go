package catalogue

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"

	"github.com/ponimayu/opora/internal/tenancy"
)

// decoder reads one document's nodes into the nouns of tenancy by their json
// names, strictly, and takes note of where everything stands. What may stand
// in a field is said in one table (rules) that the JSON Schema is made from too.
type decoder struct {
	loader   *loader
	document *document
}

func (d *decoder) placeOf(n *yaml.Node) place {
	return place{file: d.document.file, line: n.Line, column: n.Column}
}

func (d *decoder) problem(n *yaml.Node, code tenancy.ProblemCode, format string, args ...any) {
	d.loader.problem(d.placeOf(n), code, format, args...)
}

// value reads a node into v. path names the part, for places and messages.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, r rule) {
	if _, noted := d.document.places[path]; !noted {
		d.document.places[path] = d.placeOf(n)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.problem(n, "yaml_alias", "%s", aliasMessage)
		return
	}
	switch {
	case v.Type() == dateType:
		d.date(n, v)
	case v.Kind() == reflect.Struct:
		d.mapping(n, v, path, r)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path, r)
	case v.Kind() == reflect.String:
		d.text(n, v, path, r)
	case v.Kind() == reflect.Int:
		d.number(n, v, path, r)
	case v.Kind() == reflect.Bool:
		d.boolean(n, v, path)
	}
}

const aliasMessage = "anchors (&), aliases (*) and merges (<<) are not used in the catalogue; write the value out"

var dateType = reflect.TypeFor[tenancy.Date]()

// name is the last word of a path, for messages.
func name(path string) string {
	parts := strings.Split(path, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(parts[i]); err != nil {
			return parts[i]
		}
	}
	return path
}

func (d *decoder) wrongType(n *yaml.Node, path, want string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.problem(n, "type_wrong", "`%s:` has no value; it is %s", name(path), want)
		return
	}
	d.problem(n, "type_wrong", "`%s` is %s, not %s", name(path), want, kindOf(n))
}

// kindOf names what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!int":
		return "a number"
	case "!!float":
		return "a fraction"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "a text"
	}
	return "a value of another type"
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string, r rule) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping of "+words(fieldNames(v.Type())))
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" || key.Kind == yaml.AliasNode {
			d.problem(key, "yaml_alias", "%s", aliasMessage)
			continue
		}
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			d.problem(key, "key_unknown", "a key is one word; there are %s", words(fieldNames(v.Type())))
			continue
		}
		if first, again := seen[key.Value]; again {
			d.problem(key, "key_duplicate", "`%s:` stands here twice; it is first in line %d", key.Value, first.Line)
			continue
		}
		seen[key.Value] = key
		field, ok := fieldOf(v.Type(), key.Value)
		if !ok {
			d.problem(key, "key_unknown", "there is no key `%s:` here; %s", key.Value, suggestion(key.Value, fieldNames(v.Type())))
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		d.document.places[at] = d.placeOf(key)
		d.value(value, v.FieldByIndex(field.Index), at, ruleOf(v.Type(), key.Value))
	}
	d.missing(n, v.Type(), seen)
	if len(seen) < r.items {
		d.problem(n, "key_missing", "`%s` needs %s of %s", name(path), counted(r.items, len(fieldNames(v.Type()))), words(fieldNames(v.Type())))
	}
}

// counted says how many of all keys are needed.
func counted(needed, all int) string {
	if needed == all {
		return "each"
	}
	return "at least " + strconv.Itoa(needed)
}

func (d *decoder) missing(n *yaml.Node, t reflect.Type, seen map[string]*yaml.Node) {
	for _, key := range fieldNames(t) {
		if ruleOf(t, key).required && seen[key] == nil {
			d.problem(n, "key_missing", "%s needs `%s:`", nounOf(t), key)
		}
	}
}

// fields are those of a type that a document may have, in order. A field that
// only code fills is tagged `catalogue:"-"`.
func fields(t reflect.Type) []reflect.StructField {
	all := make([]reflect.StructField, 0, t.NumField())
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("catalogue") != "-" {
			all = append(all, t.Field(i))
		}
	}
	return all
}

// fieldNames are the keys of a type, in the order of its fields.
func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range fields(t) {
		names = append(names, jsonName(f))
	}
	return names
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for _, f := range fields(t) {
		if jsonName(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func jsonName(f reflect.StructField) string {
	tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return tag
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string, r rule) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, path, "a list")
		return
	}
	switch {
	case len(n.Content) < r.items:
		d.problem(n, "value_range", "`%s` is an empty list", name(path))
	case r.most > 0 && len(n.Content) > r.most:
		d.problem(n, "value_range", "`%s` has at most %d entries; here are %d", name(path), r.most, len(n.Content))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, list.Index(i), path+"."+strconv.Itoa(i), r)
	}
	if len(n.Content) > 0 {
		v.Set(list)
	}
	if r.distinct {
		d.distinct(n, path)
	}
}

// distinct finds the same text twice in a list.
func (d *decoder) distinct(n *yaml.Node, path string) {
	first := map[string]*yaml.Node{}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			continue
		}
		if other, again := first[item.Value]; again {
			d.problem(item, "value_duplicate", "`%s` has %q twice; it is first in line %d", name(path), item.Value, other.Line)
			continue
		}
		first[item.Value] = item
	}
}

func (d *decoder) date(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!timestamp" && n.Tag != "!!str") {
		d.problem(n, "date_invalid", "a date is written YYYY-MM-DD, and this is %s", kindOf(n))
		return
	}
	day, err := tenancy.ParseDate(n.Value)
	switch {
	case err != nil:
		d.problem(n, "date_invalid", "a date is written YYYY-MM-DD and exists in the calendar; %.40q is not one", n.Value)
	case day.Year < 2000 || day.Year > 2199:
		d.problem(n, "date_invalid", "the dates of contracts lie between the years 2000 and 2199, not in %d", day.Year)
	default:
		v.Set(reflect.ValueOf(day))
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, path string, r rule) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		want := "a text"
		if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			want = "a text (write it in quotes)"
		}
		d.wrongType(n, path, want)
		return
	}
	word := norm.NFC.String(n.Value) // й typed as two characters is still й
	allowed := enums[v.Type()]
	switch {
	case len(allowed) > 0:
		if !contains(allowed, word) {
			d.problem(n, "value_unknown", "`%s` cannot be %.40q; %s", name(path), word, suggestion(word, allowed))
			return
		}
	case strings.TrimSpace(word) == "":
		d.problem(n, "value_invalid", "`%s` is empty", name(path))
		return
	case word != strings.TrimSpace(word) || len([]rune(word)) > maxText:
		d.problem(n, "value_invalid", "`%s` has no spaces around it and at most %d letters", name(path), maxText)
		return
	case r.pattern == nil && !plainPattern.MatchString(word):
		d.problem(n, "value_invalid", "`%s` is one line, without control characters", name(path))
		return
	case r.pattern != nil && !r.pattern.MatchString(word):
		d.problem(n, "value_invalid", "`%s` cannot be %.40q: it is %s", name(path), word, r.spelt)
		return
	}
	v.SetString(word)
}

func contains(all []string, word string) bool {
	for _, one := range all {
		if one == word {
			return true
		}
	}
	return false
}

var decimal = regexp.MustCompile(`^-?[0-9]+$`)

func (d *decoder) number(n *yaml.Node, v reflect.Value, path string, r rule) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		d.wrongType(n, path, "a whole number")
		return
	}
	if !decimal.MatchString(n.Value) {
		d.problem(n, "type_wrong", "`%s` is a whole number in plain decimal digits", name(path))
		return
	}
	i, err := strconv.Atoi(n.Value)
	if err != nil || i < r.min || i > r.max {
		d.problem(n, "value_range", "`%s` is a number from %d to %d", name(path), r.min, r.max)
		return
	}
	v.SetInt(int64(i))
}

func (d *decoder) boolean(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		d.wrongType(n, path, "true or false")
		return
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
}
