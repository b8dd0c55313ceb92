package catalogue_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
	"io/fs"
)

// sample is the catalogue that `opora dev` applies.
func sample(t testing.TB) tenancy.Catalogue {
	t.Helper()
	dir, err := fs.Sub(templates.FS, "demo/catalogue")
	if err != nil {
		t.Fatal(err)
	}
	loaded, problems := catalogue.Load(dir, catalogue.Options{})
	for _, p := range problems {
		t.Errorf("the sample has a problem: %v", p)
	}
	return loaded
}

func TestSampleLoads(t *testing.T) {
	loaded := sample(t)
	var tenants []tenancy.TenantSlug
	for _, tenant := range loaded.Tenants {
		tenants = append(tenants, tenant.Slug)
	}
	if len(tenants) != 5 || len(loaded.SpecialistTypes) != 8 || len(loaded.Countries) != 2 || len(loaded.Brands) != 2 {
		t.Errorf("tenants %v, %d types, %d countries, %d brands", tenants, len(loaded.SpecialistTypes), len(loaded.Countries), len(loaded.Brands))
	}
	if _, ok := loaded.Tenant("cdek"); !ok {
		t.Error("the sample has no cdek")
	}
}
