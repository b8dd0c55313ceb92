package keycloak

import (
	"testing"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/provisioner/targettest"
	"github.com/ponimayu/opora/realms"
)

// world is a realm of the test's own, with what is wanted in it.
type world struct {
	t        testing.TB
	admin    *Client
	target   provisioner.Target
	registry *memory.Registry
	realm    string
	want     realms.State
}

func newWorld(t testing.TB) *world {
	t.Helper()
	admin := New(adminConfig(t))
	realm := realmName(t, admin)
	want, err := realms.Compile(targettest.Sample(realm), "RU")
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

func TestRealms(t *testing.T) {
	targettest.Realms(t, func(t *testing.T) targettest.RealmsUnderTest {
		admin := New(adminConfig(t))
		realm := realmName(t, admin)
		return targettest.RealmsUnderTest{
			Target: admin.Realms("RU"), Realm: realm,
			PutUnmarked: func(o realms.Object) error {
				nobody := admin.Realms("")
				return nobody.Execute(t.Context(), realm, provisioner.Op{Verb: provisioner.Create, Ref: o.Ref(), To: o})
			},
		}
	})
}
