package importers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/ponimayu/opora/internal/tenancy"
)

// declaredCodes returns the value of every ProblemCode constant of this package
// and of package book.
func declaredCodes(t *testing.T) map[tenancy.ProblemCode]bool {
	t.Helper()
	all := map[tenancy.ProblemCode]bool{}
	files, _ := filepath.Glob("*.go")
	books, _ := filepath.Glob("book/*.go")
	for _, file := range append(files, books...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.SelectorExpr); ok && kind.Sel.Name == "ProblemCode" && len(spec.Values) == 1 {
				code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all[tenancy.ProblemCode(code)] = true
			}
			return true
		})
	}
	return all
}

func TestEveryProblemHasAdvice(t *testing.T) {
	codes := declaredCodes(t)
	if len(codes) < 30 {
		t.Fatalf("only %d codes are declared", len(codes))
	}
	for code := range codes {
		for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English} {
			text := Advice(code, lang)
			if first := []rune(text + " ")[0]; !unicode.IsUpper(first) || !strings.HasSuffix(text, ".") || SafeText(text) != text {
				t.Errorf("%s in %s is no sentence: %q", code, lang, text)
			}
			if cyrillic := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }); !cyrillic && lang != tenancy.English {
				t.Errorf("%s in %s: %q", code, lang, text)
			}
		}
		if Advice(code, "de") != Advice(code, tenancy.English) {
			t.Errorf("%s in a language that we do not speak: %q", code, Advice(code, "de"))
		}
	}
	if Advice("no_such_code", tenancy.Russian) != "" {
		t.Error("there is advice for what is no problem")
	}
}
