package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// Realms is the realms of a Keycloak in a map. What it refuses, the real one
// refuses: an object that refers to one that is not there, a second owner of a
// domain, the removal of a flow in use. What goes with an object goes here too.
type Realms struct {
	mu     sync.Mutex
	realms map[string]map[realms.Ref]kept
}

// kept is an object as JSON, so that nobody outside holds a part of it.
type kept struct {
	object json.RawMessage
	marked bool
}

var _ provisioner.Target = (*Realms)(nil)

// NewRealms returns a Keycloak without realms.
func NewRealms() *Realms { return &Realms{realms: map[string]map[realms.Ref]kept{}} }

// Observe implements provisioner.Target.
func (r *Realms) Observe(_ context.Context, realm string, ours map[realms.Ref]bool) (provisioner.Observed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := provisioner.Observed{Ours: map[realms.Ref]bool{}}
	maps.Copy(o.Ours, ours)
	var objects []realms.Object
	for ref, k := range r.realms[realm] {
		object, err := realms.Decode(k.object)
		if err != nil {
			return o, err
		}
		objects = append(objects, object)
		if k.marked {
			o.Ours[ref] = true
		}
	}
	o.State = realms.NewState(realm, objects...)
	return o, nil
}

// Execute implements provisioner.Target.
func (r *Realms) Execute(_ context.Context, realm string, op provisioner.Op) error {
	return r.execute(realm, op, true)
}

// PutUnmarked puts an object there as somebody else would: without our mark.
func (r *Realms) PutUnmarked(realm string, object realms.Object) error {
	return r.execute(realm, provisioner.Op{Verb: provisioner.Create, Ref: object.Ref(), To: object}, false)
}

func (r *Realms) execute(realm string, op provisioner.Op, mark bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if op.Ref.Kind == realms.KindRealm && op.Verb != provisioner.Remove && r.realms[realm] == nil {
		r.realms[realm] = withBuiltIn(realm)
	}
	w := work{r.realms[realm]}
	if w.there == nil {
		return absent("realm", realm)
	}
	before, exists := w.there[op.Ref]
	if exists && !before.marked && !op.Ref.Kind.Setting() && !op.Ref.Kind.Unmarkable() && op.Verb != provisioner.Adopt {
		return tenancy.E(tenancy.Conflict, "not_ours", fmt.Sprintf("%s stands in Keycloak and Opora did not make it", op.Ref))
	}
	if op.Verb == provisioner.Remove {
		return w.remove(op.Ref)
	}
	if err := w.check(op.To); err != nil {
		return err
	}
	return w.put(op.To, mark && !op.Ref.Kind.Unmarkable())
}

// withBuiltIn is what Keycloak puts into every new realm that matters to us.
func withBuiltIn(realm string) map[realms.Ref]kept {
	w := work{map[realms.Ref]kept{}}
	put := func(objects ...realms.Object) {
		for _, o := range objects {
			_ = w.put(o, false) // plain data always can be written
		}
	}
	put(&realms.Profile{}, &realms.SignIn{Browser: "browser", FirstBroker: "first broker login"})
	for _, alias := range []string{"UPDATE_PASSWORD", "VERIFY_PROFILE", "CONFIGURE_TOTP"} {
		put(&realms.RequiredAction{Alias: alias, Enabled: true})
	}
	for _, name := range []string{"basic", "acr", "profile", "email", "offline_access"} {
		put(&realms.Scope{Name: name, Mappers: map[string]realms.Mapper{"own": {Type: "oidc-own"}}})
	}
	put(&realms.Role{Name: "offline_access"}, &realms.Role{Name: "default-roles-" + realm, Includes: []string{"offline_access"}})
	return w.there
}

// work is what is done in one realm.
type work struct{ there map[realms.Ref]kept }

func (w work) has(kind realms.Kind, key string) bool {
	_, ok := w.there[realms.Ref{Kind: kind, Key: key}]
	return ok
}

// get reads an object into one of its type; false when there is none.
func get[T realms.Object](w work, o T) bool {
	k, ok := w.there[o.Ref()]
	if !ok {
		return false
	}
	var e struct {
		Object json.RawMessage `json:"object"`
	}
	return json.Unmarshal(k.object, &e) == nil && json.Unmarshal(e.Object, o) == nil
}

func (w work) put(object realms.Object, mark bool) error {
	text, err := realms.Encode(object)
	if err != nil {
		return err
	}
	w.there[object.Ref()] = kept{text, mark}
	if client, ok := object.(*realms.Client); ok {
		access := &realms.Access{Client: client.ID}
		if !w.has(realms.KindAccess, client.ID) {
			return w.put(access, mark)
		}
	}
	return nil
}

// check refuses what refers to something that is not there.
func (w work) check(object realms.Object) error {
	switch o := object.(type) {
	case *realms.Group:
		if parent := o.Path[:strings.LastIndex(o.Path, "/")]; parent != "" && !w.has(realms.KindGroup, parent) {
			return absent("group", parent)
		}
		return w.checkRoles(o.Roles)
	case *realms.Role:
		return w.checkRoles(o.Includes)
	case *realms.Client:
		for _, s := range slices.Concat(o.Scopes, o.OptionalScopes) {
			if !w.has(realms.KindScope, s) {
				return absent("client scope", s)
			}
		}
	case *realms.ClientRole:
		if !w.has(realms.KindClient, o.Client) {
			return absent("client", o.Client)
		}
	case *realms.Access:
		if !w.has(realms.KindClient, o.Client) {
			return absent("client", o.Client)
		}
		return w.checkRoles(slices.Concat(o.TokenRoles, o.ServiceAccount))
	case *realms.SignIn:
		return w.checkFlows(o.Browser, o.FirstBroker)
	case *realms.IdentityProvider:
		return w.checkFlows(o.FirstBroker)
	case *realms.Organization:
		return w.checkOrganization(o)
	}
	return nil
}

func (w work) checkRoles(names []string) error {
	for _, name := range names {
		kind := realms.KindRole
		if client, _, of := strings.Cut(name, "/"); of {
			if client == "realm-management" || client == "account" {
				continue // Keycloak's own
			}
			kind = realms.KindClientRole
		}
		if !w.has(kind, name) {
			return absent(string(kind), name)
		}
	}
	return nil
}

func (w work) checkFlows(aliases ...string) error {
	for _, alias := range aliases {
		if alias != "browser" && alias != "first broker login" && !w.has(realms.KindFlow, alias) {
			return absent("flow", alias)
		}
	}
	return nil
}

func (w work) checkOrganization(o *realms.Organization) error {
	for _, alias := range o.IdentityProviders {
		if !w.has(realms.KindIdentityProvider, alias) {
			return absent("identity provider", alias)
		}
	}
	for ref := range w.there {
		other := &realms.Organization{Alias: ref.Key}
		if ref.Kind != realms.KindOrganization || ref.Key == o.Alias || !get(w, other) {
			continue
		}
		for _, domain := range other.Domains {
			if slices.Contains(o.Domains, domain) {
				return tenancy.E(tenancy.Conflict, "keycloak_conflict", "another organization has the domain "+domain)
			}
		}
	}
	return nil
}

// remove removes an object with what goes with it.
func (w work) remove(ref realms.Ref) error {
	switch ref.Kind {
	case realms.KindFlow:
		used := &realms.SignIn{}
		if get(w, used) && (used.Browser == ref.Key || used.FirstBroker == ref.Key) {
			return tenancy.E(tenancy.Internal, "keycloak_failed", "the realm uses the flow "+ref.Key)
		}
	case realms.KindClient:
		for other := range w.there {
			if other.Kind == realms.KindAccess && other.Key == ref.Key || other.Kind == realms.KindClientRole && strings.HasPrefix(other.Key, ref.Key+"/") {
				delete(w.there, other)
			}
		}
	case realms.KindGroup:
		for other := range w.there {
			if other.Kind == realms.KindGroup && strings.HasPrefix(other.Key, ref.Key+"/") {
				delete(w.there, other)
			}
		}
	case realms.KindRole, realms.KindClientRole:
		w.withdraw(ref.Key)
	}
	delete(w.there, ref)
	return nil
}

// withdraw takes a role from those who hold it.
func (w work) withdraw(role string) {
	without := func(names []string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return n == role })
	}
	for ref, k := range w.there {
		group, access := &realms.Group{Path: ref.Key}, &realms.Access{Client: ref.Key}
		switch {
		case ref.Kind == realms.KindGroup && get(w, group):
			group.Roles = without(group.Roles)
			_ = w.put(group, k.marked)
		case ref.Kind == realms.KindAccess && get(w, access):
			access.TokenRoles, access.ServiceAccount = without(access.TokenRoles), without(access.ServiceAccount)
			_ = w.put(access, k.marked)
		}
	}
}

func absent(kind, key string) error {
	return tenancy.E(tenancy.NotFound, "keycloak_absent", fmt.Sprintf("the realm has no %s %s", kind, key))
}
