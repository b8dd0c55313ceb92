package catalogue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/templates"
)

var update = flag.Bool("update", false, "rewrite templates/catalogue.schema.json")

func TestPublishedSchemaIsTheLoaders(t *testing.T) {
	want := catalogue.Schema()
	if *update {
		if err := os.WriteFile("../../templates/catalogue.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := fs.ReadFile(templates.FS, "catalogue.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("templates/catalogue.schema.json is not what the loader reads by; run: go test ./internal/catalogue -run Schema -update")
	}
}

// published compiles the schema that editors get.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	source, err := fs.ReadFile(templates.FS, "catalogue.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("catalogue.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("catalogue.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// validateAll holds each document of a YAML stream against the schema.
func validateAll(schema *jsonschema.Schema, source []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(source))
	for {
		var node yaml.Node
		err := dec.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := schema.Validate(plain(node.Content[0])); err != nil {
			return err
		}
	}
}

// plain is a node as an editor sees it: JSON, where a date is a text.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			object[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = plain(item)
		}
		return list
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		return json.Number(n.Value)
	}
	return n.Value
}

func TestSchemaTakesBaseAndSample(t *testing.T) {
	schema := published(t)
	seen := 0
	for _, root := range []string{"base", "demo/catalogue"} {
		err := fs.WalkDir(templates.FS, root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || path.Ext(name) != ".yaml" {
				return err
			}
			source, err := fs.ReadFile(templates.FS, name)
			if err != nil {
				return err
			}
			seen++
			if err := validateAll(schema, source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if first, _, _ := strings.Cut(string(source), "\n"); !strings.HasSuffix(first, "catalogue.schema.json") {
				t.Errorf("%s does not tell editors its schema", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 7 {
		t.Errorf("only %d files were looked at", seen)
	}
}
