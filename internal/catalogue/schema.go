package catalogue

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Schema returns the JSON Schema (draft 2020-12) of a document of the
// catalogue, for editors. It is made from the types and rules that the loader
// reads by, and published as templates/catalogue.schema.json. What takes two
// documents to see (references, clashes, overlaps) only Load can tell.
func Schema() []byte {
	s := schema{"$defs": schema{}}
	// A country names its brand, so it is recognised before a brand is.
	order := []struct {
		kind kind
		of   reflect.Type
	}{
		{tenantKind, reflect.TypeFor[tenancy.Tenant]()},
		{countryKind, reflect.TypeFor[countryDocument]()},
		{typesKind, reflect.TypeFor[typesDocument]()},
		{brandKind, reflect.TypeFor[brandDocument]()},
	}
	rest := schema{"type": "object", "anyOf": alternatives()}
	for i := len(order) - 1; i >= 0; i-- {
		rest = schema{"if": schema{"required": []string{string(order[i].kind)}}, "then": s.define(order[i].of), "else": rest}
	}
	for key, value := range rest {
		s[key] = value
	}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "A document of Opora's catalogue"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic("catalogue: " + err.Error()) // maps of plain values only
	}
	return out.Bytes()
}

// schema is a JSON Schema; encoding/json writes its keys in order.
type schema map[string]any

func alternatives() []schema {
	var any []schema
	for _, k := range kinds {
		any = append(any, schema{"required": []string{string(k)}})
	}
	return any
}

// define adds a struct to the definitions and returns a reference to it.
func (s schema) define(t reflect.Type) schema {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	defs := s["$defs"].(schema)
	if _, done := defs[name]; !done {
		definition := schema{"type": "object", "additionalProperties": false}
		defs[name] = definition
		properties := schema{}
		required := []string{}
		for _, f := range fields(t) {
			key := jsonName(f)
			r := ruleOf(t, key)
			properties[key] = s.property(f.Type, r)
			if r.required {
				required = append(required, key)
			}
		}
		definition["properties"] = properties
		if len(required) > 0 {
			definition["required"] = required
		}
		for key, value := range conditions[t] {
			definition[key] = value
		}
	}
	return schema{"$ref": "#/$defs/" + name}
}

// property describes a value of a type under a rule.
func (s schema) property(t reflect.Type, r rule) schema {
	var p schema
	switch {
	case t == dateType:
		p = schema{"type": "string", "format": "date", "pattern": `^2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`}
	case t.Kind() == reflect.Struct:
		p = s.define(t)
		if r.items > 0 {
			p["minProperties"] = r.items
		}
	case t.Kind() == reflect.Slice:
		p = s.list(t, r)
	case t.Kind() == reflect.Int:
		p = schema{"type": "integer", "minimum": r.min, "maximum": r.max}
	case t.Kind() == reflect.Bool:
		p = schema{"type": "boolean"}
	default:
		p = text(t, r)
	}
	if r.about != "" {
		p["description"] = r.about
	}
	return p
}

func (s schema) list(t reflect.Type, r rule) schema {
	each := r
	each.about = ""
	p := schema{"type": "array", "items": s.property(t.Elem(), rule{pattern: each.pattern, spelt: each.spelt})}
	if r.items > 0 {
		p["minItems"] = r.items
	}
	if r.most > 0 {
		p["maxItems"] = r.most
	}
	if r.distinct {
		p["uniqueItems"] = true
	}
	return p
}

func text(t reflect.Type, r rule) schema {
	if words := enums[t]; len(words) > 0 {
		return schema{"type": "string", "enum": words}
	}
	pattern := plainPattern
	if r.pattern != nil {
		pattern = r.pattern
	}
	return schema{"type": "string", "maxLength": maxText, "pattern": pattern.String()}
}

// conditions are the rules between keys of one mapping.
var conditions = map[reflect.Type]schema{
	reflect.TypeFor[tenancy.Grant](): {"allOf": []schema{
		{"if": when("window", "rolling"), "then": schema{"required": []string{"days"}}, "else": without("days")},
		{"if": when("window", "rolling", "contract"), "then": without("carry_over")},
		{"if": when("per", "tenant"), "then": schema{"properties": schema{"window": schema{"not": schema{"const": "hire_year"}}}}},
	}},
	reflect.TypeFor[tenancy.SegmentRule](): {
		"if":   schema{"required": []string{"listed"}, "properties": schema{"listed": schema{"const": true}}},
		"then": schema{"maxProperties": 1},
		"else": schema{"anyOf": []schema{{"required": []string{"department"}}, {"required": []string{"position"}}, {"required": []string{"legal_entity"}}, {"required": []string{"grade"}}}},
	},
}

func when(key string, words ...string) schema {
	return schema{"required": []string{key}, "properties": schema{key: schema{"enum": words}}}
}

func without(key string) schema { return schema{"properties": schema{key: false}} }
