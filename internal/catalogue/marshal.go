package catalogue

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Marshal writes a tenant as a document of the catalogue, in the order and the
// layout of the sample. Contracts that others hold stand in the holder's
// document only. Loading it back gives an equal tenant.
func Marshal(t tenancy.Tenant) ([]byte, error) {
	t.Contracts = t.OwnContracts()
	var out bytes.Buffer
	out.WriteString("# yaml-language-server: $schema=catalogue.schema.json\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(mappingNode(reflect.ValueOf(t))); err != nil {
		return nil, fmt.Errorf("write tenant %s: %w", t.Slug, err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write tenant %s: %w", t.Slug, err)
	}
	return out.Bytes(), nil
}

// spread are the types that take a line for each key; all others take one line.
var spread = map[reflect.Type]bool{reflect.TypeFor[tenancy.Tenant](): true, reflect.TypeFor[tenancy.Contract](): true}

// mappingNode leaves out what is not there: the loader reads absent as zero.
func mappingNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if !spread[v.Type()] {
		n.Style = yaml.FlowStyle
	}
	for _, f := range fields(v.Type()) {
		key, value := jsonName(f), v.FieldByIndex(f.Index)
		if value.IsZero() && !ruleOf(v.Type(), key).required {
			continue
		}
		n.Content = append(n.Content, scalar("!!str", key), node(value))
	}
	return n
}

func node(v reflect.Value) *yaml.Node {
	switch {
	case v.Type() == dateType:
		return scalar("!!timestamp", v.Interface().(tenancy.Date).String())
	case v.Kind() == reflect.Struct:
		return mappingNode(v)
	case v.Kind() == reflect.Slice:
		return listNode(v)
	case v.Kind() == reflect.Int:
		return scalar("!!int", strconv.FormatInt(v.Int(), 10))
	case v.Kind() == reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool()))
	}
	return scalar("!!str", v.String())
}

// listNode puts a list of words on one line and a list of things on many.
func listNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if v.Type().Elem().Kind() != reflect.Struct {
		n.Style = yaml.FlowStyle
	}
	for i := range v.Len() {
		n.Content = append(n.Content, node(v.Index(i)))
	}
	return n
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}
