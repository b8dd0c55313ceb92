package keycloak

import (
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/realms"
)

// sample is a catalogue of two countries with all that a realm can hold.
func sample(realm string) tenancy.Catalogue {
	return tenancy.Catalogue{
		Countries: []tenancy.Country{{Code: "RU", Realm: realm, Brand: "ponimayu", Languages: []tenancy.Language{"ru", "en"}, TimeZone: "Europe/Moscow"}},
		Brands:    []tenancy.Brand{{ID: "ponimayu", Name: tenancy.Text{Ru: "Понимаю"}}},
		SpecialistTypes: []tenancy.SpecialistType{
			{Code: "psychologist", Name: tenancy.Text{Ru: "Психолог"}}, {Code: "lawyer", Name: tenancy.Text{Ru: "Юрист"}},
		},
		Tenants: []tenancy.Tenant{
			{Slug: "cdek", Name: tenancy.Text{Ru: "СДЭК"}, Domains: []string{"cdek.example"}, Contracts: []tenancy.Contract{{ID: "cdek-ru", Country: "RU"}}},
			{
				Slug: "avito", Name: tenancy.Text{Ru: "Авито"}, Domains: []string{"avito.example"},
				SSO:       []tenancy.SSO{{Country: "RU", Protocol: tenancy.OIDC, Alias: "avito", Name: tenancy.Text{Ru: "Авито"}}},
				Contracts: []tenancy.Contract{{ID: "avito-ru", Country: "RU"}},
			},
			{
				Slug: "sber", Name: tenancy.Text{Ru: "Сбер"}, Domains: []string{"sber.example", "sberbank.example"},
				SSO:       []tenancy.SSO{{Country: "RU", Protocol: tenancy.SAML, Alias: "sber", Name: tenancy.Text{Ru: "Сбер"}}},
				Contracts: []tenancy.Contract{{ID: "sber-ru", Country: "RU"}},
			},
			{Slug: "romashka", Name: tenancy.Text{Ru: "Ромашка"}, Contracts: []tenancy.Contract{{ID: "romashka-ru", Country: "RU"}}},
		},
	}
}

// world is a realm of the test's own, with what is wanted in it.
type world struct {
	t        *testing.T
	admin    *Client
	target   provisioner.Target
	registry *memory.Registry
	realm    string
	want     realms.State
}

func newWorld(t *testing.T) *world {
	t.Helper()
	admin := New(adminConfig(t))
	realm := realmName(t, admin)
	want, err := realms.Compile(sample(realm), "RU")
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, admin: admin, target: admin.Realms("RU"), registry: memory.NewRegistry(), realm: realm, want: want}
}

func (w *world) plan() []provisioner.Op {
	w.t.Helper()
	have, err := provisioner.Observe(w.t.Context(), w.target, w.registry, w.realm)
	if err != nil {
		w.t.Fatal(err)
	}
	return provisioner.Diff(have, w.want)
}

func (w *world) apply() error {
	w.t.Helper()
	return provisioner.Apply(w.t.Context(), w.plan(), w.realm, w.target, w.registry, nil)
}

func (w *world) mustApply() {
	w.t.Helper()
	if err := w.apply(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantNothing(ops []provisioner.Op) {
	w.t.Helper()
	for _, op := range ops {
		w.t.Errorf("%s", op)
		for _, c := range op.Changes() {
			w.t.Errorf("    %s: %q -> %q", c.Field, c.From, c.To)
		}
	}
}

func TestApplyTwice(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	w.wantNothing(w.plan())
}
