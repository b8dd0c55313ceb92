package postgres_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestNoCodesBesideTheCompanysOwnSignIn(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(person(1))).ID)
	ids := []tenancy.EmployeeID{o.find("1001").ID}
	if _, err := o.IssueActivation(t.Context(), hr, ids); err != nil {
		t.Fatal(err)
	}
	catalogue := part()
	catalogue.Tenants[1].SSO = []tenancy.SSO{{Country: "RU", Protocol: tenancy.OIDC, Alias: "cdek-oidc"}}
	if err := o.db.StoreCatalogue(t.Context(), catalogue, "2"); err != nil {
		t.Fatal(err)
	}
	if codes, err := o.IssueActivation(t.Context(), hr, ids); code(err) != "tenant_signs_in" || codes != nil {
		t.Errorf("%d codes, %v", len(codes), err)
	}
}
