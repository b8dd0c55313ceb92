package entitlement_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// fenced returns the page's code blocks of a language.
func fenced(t *testing.T, page, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block)
	}
	return blocks
}

// The sample of docs/entitlements.md is a catalogue, and its question has the
// answer that the page gives.
func TestDocumentedSample(t *testing.T) {
	const page = "../../docs/entitlements.md"
	sample, exchange := fenced(t, page, "yaml"), fenced(t, page, "json")
	if len(sample) != 1 || len(exchange) != 2 {
		t.Fatalf("%d samples, %d questions and answers", len(sample), len(exchange))
	}
	loaded, problems := catalogue.Load(fstest.MapFS{"a.yaml": {Data: []byte(sample[0])},
		"b.yaml": {Data: []byte("tenant: sever-port\nname: {ru: Порт}\n---\ntenant: sever-rail\nname: {ru: Рельсы}\n")}}, catalogue.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tenant, _ := loaded.Tenant("sever")
	terms, err := entitlement.Compile(tenant, loaded.SpecialistTypes)
	if err != nil {
		t.Fatal(err)
	}
	var want entitlement.Decision
	q, err := entitlement.ParseQuery([]byte(exchange[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(exchange[1]), &want); err != nil {
		t.Fatal(err)
	}
	courier := tenancy.Employee{ID: q.EmployeeID, Employments: []tenancy.Employment{{Position: "Курьер"}}}
	got := entitlement.Decide(entitlement.NewSnapshot(terms, courier, want.Revision), q)
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("(-page +decided):\n%s", diff)
	}
}
