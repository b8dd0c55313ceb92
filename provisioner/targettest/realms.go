package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/realms"
)

// RealmsUnderTest is a Keycloak, and the name of a realm that it does not have.
type RealmsUnderTest struct {
	provisioner.Target
	Realm string
	// PutUnmarked puts an object into the realm as somebody else would.
	PutUnmarked func(object realms.Object) error
}

// Realms examines a target's realms; open returns a realm name of its own.
func Realms(t *testing.T, open func(t *testing.T) RealmsUnderTest) {
	exams := map[string]func(*testing.T, *realmExam){
		"applied twice, the second finds nothing":  appliedTwice,
		"what is changed by hand is mended":        handChangesAreMended,
		"what is not ours is left alone":           foreignObjectsAreLeftAlone,
		"what stands in the way is adopted":        whatStandsInTheWayIsAdopted,
		"a tenant that goes takes its own with it": aTenantThatGoes,
		"a domain moves between tenants":           aDomainMoves,
		"a broken apply is finished":               aBrokenApplyIsFinished,
	}
	for name, exam := range exams {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			exam(t, &realmExam{RealmsUnderTest: r, t: t, registry: memory.NewRegistry(), catalogue: Sample(r.Realm)})
		})
	}
}

// Sample is a catalogue with all that a realm can hold: tenants with and
// without a sign-in of their own, by both protocols, with no, one and two domains.
func Sample(realm string) tenancy.Catalogue {
	contract := func(id string) []tenancy.Contract {
		return []tenancy.Contract{{ID: tenancy.ContractID(id), Country: "RU"}}
	}
	named := func(ru string) tenancy.Text { return tenancy.Text{Ru: ru} }
	sso := func(alias string, p tenancy.SSOProtocol) []tenancy.SSO {
		return []tenancy.SSO{{Country: "RU", Protocol: p, Alias: alias, Name: named("Вход " + alias)}}
	}
	return tenancy.Catalogue{
		Countries:       []tenancy.Country{{Code: "RU", Realm: realm, Brand: "ponimayu", Languages: []tenancy.Language{"ru", "en"}, TimeZone: "Europe/Moscow"}},
		Brands:          []tenancy.Brand{{ID: "ponimayu", Name: named("Понимаю")}},
		SpecialistTypes: []tenancy.SpecialistType{{Code: "psychologist", Name: named("Психолог")}, {Code: "lawyer", Name: named("Юрист")}},
		Tenants: []tenancy.Tenant{
			{Slug: "avito", Name: named("Авито"), Domains: []string{"avito.example"}, SSO: sso("avito", tenancy.OIDC), Contracts: contract("avito-ru")},
			{Slug: "cdek", Name: named("СДЭК"), Domains: []string{"cdek.example"}, Contracts: contract("cdek-ru")},
			{Slug: "romashka", Name: named("Ромашка"), Contracts: contract("romashka-ru")},
			{Slug: "sber", Name: named("Сбер"), Domains: []string{"sber.example", "sberbank.example"}, SSO: sso("sber", tenancy.SAML), Contracts: contract("sber-ru")},
		},
	}
}

// realmExam is one realm in an exam.
type realmExam struct {
	RealmsUnderTest
	t         *testing.T
	registry  *memory.Registry
	catalogue tenancy.Catalogue
}

func (e *realmExam) plan() []provisioner.Op {
	e.t.Helper()
	want, err := realms.Compile(e.catalogue, "RU")
	if err != nil {
		e.t.Fatal(err)
	}
	return provisioner.Diff(e.observe(), want)
}

func (e *realmExam) observe() provisioner.Observed {
	e.t.Helper()
	have, err := provisioner.Observe(e.t.Context(), e.Target, e.registry, e.Realm)
	if err != nil {
		e.t.Fatal(err)
	}
	return have
}

func (e *realmExam) apply() {
	e.t.Helper()
	if err := provisioner.Apply(e.t.Context(), e.plan(), e.Realm, e.Target, e.registry, nil); err != nil {
		e.t.Fatal(err)
	}
}

func (e *realmExam) wantNothing() {
	e.t.Helper()
	for _, op := range e.plan() {
		e.t.Errorf("still to do: %s %v", op, op.Changes())
	}
}

// wantOps checks which objects a plan touches, and how.
func (e *realmExam) wantOps(ops []provisioner.Op, want ...string) {
	e.t.Helper()
	var got []string
	for _, op := range ops {
		got = append(got, op.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.t.Errorf("the plan does\n\t%q, want\n\t%q", got, want)
	}
}

// byHand writes an object as somebody would who does not know of Opora.
func (e *realmExam) byHand(object realms.Object) {
	e.t.Helper()
	from, _ := e.observe().State.Find(object.Ref())
	op := provisioner.Op{Verb: provisioner.Update, Ref: object.Ref(), From: from, To: object}
	if err := e.Execute(e.t.Context(), e.Realm, op); err != nil {
		e.t.Fatal(err)
	}
}

// find returns the object of the realm that has the ref of like.
func find[T realms.Object](e *realmExam, like T) T {
	e.t.Helper()
	o, ok := e.observe().State.Find(like.Ref())
	if !ok {
		e.t.Fatalf("there is no %s", like.Ref())
	}
	return o.(T)
}

func appliedTwice(t *testing.T, e *realmExam) {
	e.apply()
	e.wantNothing()
}

// handChangesAreMended changes an object of every kind by hand.
func handChangesAreMended(t *testing.T, e *realmExam) {
	e.apply()

	realm := find(e, &realms.Realm{Name: e.Realm})
	realm.BruteForce.Protected, realm.Tokens.Access = false, realms.Seconds(3600)
	action := find(e, &realms.RequiredAction{Alias: "UPDATE_PASSWORD"})
	action.Enabled = false
	profile := find(e, &realms.Profile{})
	profile.Attributes = append(profile.Attributes, realms.ProfileAttribute{Name: "tenant", View: []string{"user"}, Edit: []string{"user"}})
	role := find(e, &realms.Role{Name: "employee"})
	role.Includes = []string{"platform-admin"}
	scope := find(e, &realms.Scope{Name: "opora"})
	delete(scope.Mappers, "audience")
	scope.Mappers["extra"] = realms.Mapper{Type: "oidc-hardcoded-claim-mapper", Config: map[string]string{"claim.name": "x", "claim.value": "y"}}
	flow := find(e, &realms.Flow{Alias: "opora browser"})
	flow.Steps = flow.Steps[:1]
	signIn := find(e, &realms.SignIn{})
	signIn.Browser = "browser"
	client := find(e, &realms.Client{ID: "employee-web"})
	client.PKCE, client.DirectGrants, client.RedirectURIs = "", true, append(client.RedirectURIs, "https://elsewhere.example/")
	clientRole := find(e, &realms.ClientRole{Client: "opora-api", Name: "booking-core"})
	clientRole.Description = "changed"
	access := find(e, &realms.Access{Client: "booking-core"})
	access.ServiceAccount = []string{"realm-management/manage-users"}
	group := find(e, &realms.Group{Path: "/tenants/cdek/employees"})
	group.Attributes["tenant"], group.Roles = []string{"avito"}, append(group.Roles, "platform-admin")
	provider := find(e, &realms.IdentityProvider{Alias: "avito"})
	provider.TrustEmail = true
	organization := find(e, &realms.Organization{Alias: "sber"})
	organization.Domains = []string{"sber.example"}

	var want []string
	for _, o := range []realms.Object{realm, action, profile, role, scope, signIn, client, clientRole, access, group, provider, organization, flow} {
		e.byHand(o)
		verb := provisioner.Update
		if o.Ref().Kind.Setting() {
			verb = provisioner.Set
		}
		want = append(want, fmt.Sprintf("%s %s", verb, o.Ref()))
	}
	e.wantOps(e.plan(), want...)
	e.apply()
	e.wantNothing()
}

func foreignObjectsAreLeftAlone(t *testing.T, e *realmExam) {
	e.apply()
	foreign := []realms.Object{
		&realms.Role{Name: "theirs", Description: "made by hand"},
		&realms.Group{Path: "/theirs", Attributes: map[string][]string{"a": {"b"}}, Roles: []string{"theirs"}},
		&realms.Group{Path: "/tenants/theirs"},
		&realms.Scope{Name: "theirs", Mappers: map[string]realms.Mapper{}},
		&realms.Client{ID: "theirs", Enabled: true, DirectGrants: true, Scopes: []string{"basic"}},
		&realms.ClientRole{Client: "opora-api", Name: "theirs"},
		&realms.Flow{Alias: "theirs", Steps: []realms.Step{{Authenticator: "auth-cookie", Requirement: "ALTERNATIVE"}}},
		&realms.Organization{Alias: "theirs", Name: "theirs", Enabled: true, Domains: []string{"theirs.example"}},
	}
	for _, o := range foreign {
		if err := e.PutUnmarked(o); err != nil {
			t.Fatal(err)
		}
	}
	before := e.observe().State
	e.wantNothing()
	e.catalogue.Tenants[1].Domains = append(e.catalogue.Tenants[1].Domains, "cdek-post.example")
	e.apply()
	after := e.observe().State
	for _, o := range foreign {
		b, _ := before.Find(o.Ref())
		a, ok := after.Find(o.Ref())
		if !ok || !realms.Equal(a, b) {
			t.Errorf("%s was touched: %v", o.Ref(), realms.Compare(b, a))
		}
	}
}

func whatStandsInTheWayIsAdopted(t *testing.T, e *realmExam) {
	e.apply()
	theirs := &realms.Group{Path: "/tenants/newcomer", Attributes: map[string][]string{"note": {"by hand"}}}
	if err := e.PutUnmarked(theirs); err != nil {
		t.Fatal(err)
	}
	e.catalogue.Tenants = append(e.catalogue.Tenants, tenancy.Tenant{
		Slug: "newcomer", Name: tenancy.Text{Ru: "Новичок"}, Contracts: []tenancy.Contract{{ID: "newcomer-ru", Country: "RU"}},
	})
	ops := e.plan()
	e.wantOps(ops, "adopt group /tenants/newcomer", "create group /tenants/newcomer/employees", "create group /tenants/newcomer/hr")
	err := provisioner.Unaccepted(provisioner.Guard(ops), nil)
	if tenancy.KindOf(err) != tenancy.Conflict {
		t.Errorf("error %v, want that not_ours must be accepted", err)
	}
	// A plan that takes it for ours is refused by the target itself.
	op := provisioner.Op{Verb: provisioner.Update, Ref: theirs.Ref(), From: theirs, To: &realms.Group{Path: theirs.Path}}
	var refusal *tenancy.Error
	if err := e.Execute(t.Context(), e.Realm, op); !errors.As(err, &refusal) || refusal.Code != "not_ours" {
		t.Errorf("error %v, want not_ours", err)
	}
	e.apply()
	e.wantNothing()
}

func aTenantThatGoes(t *testing.T, e *realmExam) {
	e.apply()
	e.catalogue.Tenants = slices.DeleteFunc(e.catalogue.Tenants, func(t tenancy.Tenant) bool { return t.Slug == "avito" })
	ops := e.plan()
	e.wantOps(ops, "remove organization avito", "remove identity provider avito",
		"remove group /tenants/avito", "remove group /tenants/avito/employees", "remove group /tenants/avito/hr")
	var codes []string
	for _, f := range provisioner.Guard(ops) {
		codes = append(codes, f.Code)
	}
	if want := []string{"removes_group", "removes_identity_provider", "removes_organization"}; !slices.Equal(codes, want) {
		t.Errorf("findings %q, want %q", codes, want)
	}
	e.apply()
	e.wantNothing()
}

func aDomainMoves(t *testing.T, e *realmExam) {
	e.apply()
	tenants := e.catalogue.Tenants
	tenants[3].Domains, tenants[2].Domains = []string{"sber.example"}, []string{"sberbank.example"} // to one that had none
	tenants[0].Domains, tenants[1].Domains = tenants[1].Domains, tenants[0].Domains                 // and two change theirs
	e.apply()
	e.wantNothing()
}

// aBrokenApplyIsFinished breaks an apply before and after each of some ops; the
// op that is broken off after it was done is the one whose answer was lost.
func aBrokenApplyIsFinished(t *testing.T, e *realmExam) {
	for _, at := range []int{0, 1, 7, 30, 55, 70} {
		broken := &breaking{Target: e.Target, at: at, after: at%2 == 1}
		err := provisioner.Apply(t.Context(), e.plan(), e.Realm, broken, e.registry, nil)
		if len(e.plan()) == 0 {
			break
		}
		if !errors.Is(err, errBroken) {
			t.Fatalf("the fault at op %d did not strike: %v", at, err)
		}
	}
	e.apply()
	e.wantNothing()
}

var errBroken = errors.New("broken by the test")

// breaking is a target that breaks at one op, before or after doing it.
type breaking struct {
	provisioner.Target
	at, done int
	after    bool
}

func (b *breaking) Execute(ctx context.Context, realm string, op provisioner.Op) error {
	b.done++
	if b.done-1 < b.at {
		return b.Target.Execute(ctx, realm, op)
	}
	if b.after {
		if err := b.Target.Execute(ctx, realm, op); err != nil {
			return err
		}
	}
	return errBroken
}
