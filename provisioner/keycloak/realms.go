package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// Realms reads and changes realms. It implements provisioner.Target.
type Realms struct {
	client *Client
	mark   string
}

var _ provisioner.Target = (*Realms)(nil)

// Realms returns the realms of the Keycloak; what is made in them is marked
// with the country.
func (c *Client) Realms(country tenancy.CountryCode) *Realms {
	return &Realms{client: c, mark: string(country)}
}

// markKey is the attribute that marks an object as Opora's.
const markKey = "opora.managed"

// document is an object as Keycloak writes it. It is read whole, changed in our
// fields and written back, so that what we do not know of stays as it is.
type document map[string]any

func (d document) text(key string) string { s, _ := d[key].(string); return s }

func (d document) part(key string) document {
	if m, ok := d[key].(map[string]any); ok {
		return m
	}
	return document{}
}

// marked reports whether the document's attributes (or config) hold our mark.
func (d document) marked() bool {
	for _, key := range []string{"attributes", "config"} {
		switch mark := d.part(key)[markKey].(type) {
		case string:
			if mark != "" {
				return true
			}
		case []any:
			if len(mark) > 0 && mark[0] != "" {
				return true
			}
		}
	}
	return false
}

// merge writes our fields into the document: attributes and config key by key
// (nil takes a key out), the rest whole.
func (d document) merge(ours document) document {
	merged := maps.Clone(d)
	for key, value := range ours {
		if m, ok := value.(document); ok {
			below := maps.Clone(d.part(key))
			for k, v := range m {
				if v == nil {
					delete(below, k)
				} else {
					below[k] = v
				}
			}
			value = below
		}
		merged[key] = value
	}
	return merged
}

// into reads the document into a struct.
func (d document) into(v any) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// page is how much one answer of a list may hold. Keycloak's own default is
// 10, without a word that there is more.
const listPage = 500

// list reads all pages of a list.
func (r *Realms) list(ctx context.Context, address string, query url.Values) ([]document, error) {
	var all []document
	for first := 0; ; first += listPage {
		q := url.Values{"first": {strconv.Itoa(first)}, "max": {strconv.Itoa(listPage)}, "briefRepresentation": {"false"}}
		maps.Copy(q, query)
		var some []document
		if err := r.client.get(ctx, address+"?"+q.Encode(), &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < listPage {
			return all, nil
		}
	}
}

// find reads one object; nil when there is none.
func (r *Realms) find(ctx context.Context, address string) (document, error) {
	var d document
	err := r.client.get(ctx, address, &d)
	if statusOf(err) == http.StatusNotFound {
		return nil, nil
	}
	return d, err
}

// post makes an object and returns its id.
func (r *Realms) post(ctx context.Context, address string, body any) (string, error) {
	return r.client.send(ctx, http.MethodPost, address, body, nil)
}

// put writes an object.
func (r *Realms) put(ctx context.Context, address string, body any) error {
	_, err := r.client.send(ctx, http.MethodPut, address, body, nil)
	return err
}

// remove removes an object; one that is gone is success.
func (r *Realms) remove(ctx context.Context, address string, body any) error {
	_, err := r.client.send(ctx, http.MethodDelete, address, body, nil)
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// may refuses to touch what is not ours, unless the op adopts it.
func may(op provisioner.Op, there document) error {
	if there == nil || there.marked() || op.Verb == provisioner.Adopt {
		return nil
	}
	return tenancy.E(tenancy.Conflict, "not_ours", fmt.Sprintf(
		"%s stands in Keycloak and Opora did not make it; plan again and accept not_ours to adopt it, or remove it by hand", op.Ref))
}

// Execute implements provisioner.Target.
func (r *Realms) Execute(ctx context.Context, realm string, op provisioner.Op) error {
	s := session{Realms: r, realm: realm}
	if op.Verb == provisioner.Remove {
		return s.removeObject(ctx, op)
	}
	switch to := op.To.(type) {
	case *realms.Realm:
		return s.writeRealm(ctx, op, to)
	case *realms.RequiredAction:
		return s.writeRequiredAction(ctx, to)
	case *realms.Profile:
		return s.writeProfile(ctx, to)
	case *realms.Role:
		return s.writeRole(ctx, op, to)
	case *realms.Scope:
		return s.writeScope(ctx, op, to)
	case *realms.Flow:
		return s.writeFlow(ctx, to)
	case *realms.SignIn:
		return s.writeSignIn(ctx, to)
	case *realms.Client:
		return s.writeClient(ctx, op, to)
	case *realms.ClientRole:
		return s.writeClientRole(ctx, op, to)
	case *realms.Access:
		return s.writeAccess(ctx, to)
	case *realms.Group:
		return s.writeGroup(ctx, op, to)
	case *realms.IdentityProvider:
		return s.writeIdentityProvider(ctx, op, to)
	case *realms.Organization:
		return s.writeOrganization(ctx, op, to)
	}
	return fmt.Errorf("%s: Keycloak has no such thing", op)
}

// removeObject removes an object that is ours.
func (s session) removeObject(ctx context.Context, op provisioner.Op) error {
	switch from := op.From.(type) {
	case *realms.Role:
		return s.removeMarked(ctx, op, s.path("roles", from.Name))
	case *realms.Scope:
		return s.removeScope(ctx, op, from)
	case *realms.Flow:
		return s.removeFlow(ctx, from)
	case *realms.Client:
		return s.removeClient(ctx, op, from)
	case *realms.ClientRole:
		return s.removeClientRole(ctx, op, from)
	case *realms.Group:
		return s.removeGroup(ctx, op, from)
	case *realms.IdentityProvider:
		return s.removeMarked(ctx, op, s.path("identity-provider", "instances", from.Alias))
	case *realms.Organization:
		return s.removeOrganization(ctx, op, from)
	}
	// A realm holds people. Whoever wants one gone does it by hand.
	return tenancy.E(tenancy.Invalid, "not_removable", fmt.Sprintf("Opora does not remove a %s", op.Ref.Kind))
}

// removeMarked removes what stands at the address, if it is ours.
func (s session) removeMarked(ctx context.Context, op provisioner.Op, address string) error {
	there, err := s.find(ctx, address)
	if err != nil || there == nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	return s.remove(ctx, address, nil)
}

// session is the work on one realm.
type session struct {
	*Realms
	realm string
}

// path joins the parts below the realm.
func (s session) path(parts ...string) string { return s.client.realmPath(s.realm, parts...) }

// Observe implements provisioner.Target.
func (r *Realms) Observe(ctx context.Context, realm string, ours map[realms.Ref]bool) (provisioner.Observed, error) {
	s := session{Realms: r, realm: realm}
	o := observation{ours: map[realms.Ref]bool{}}
	there, err := s.find(ctx, s.path())
	if err != nil {
		return provisioner.Observed{}, err
	}
	if there == nil {
		return provisioner.Observed{State: realms.State{Realm: realm}, Ours: o.ours}, nil
	}
	maps.Copy(o.ours, ours)
	o.realm = there
	for _, observe := range []func(context.Context, *observation) error{
		s.observeRealm, s.observeRequiredActions, s.observeProfile, s.observeRoles, s.observeScopes, s.observeFlows,
		s.observeClients, s.observeGroups, s.observeIdentityProviders, s.observeOrganizations,
	} {
		if err := observe(ctx, &o); err != nil {
			return provisioner.Observed{}, err
		}
	}
	return provisioner.Observed{State: realms.NewState(realm, o.objects...), Ours: o.ours}, nil
}

// observation is what has been read of a realm so far.
type observation struct {
	realm   document
	objects []realms.Object
	ours    map[realms.Ref]bool
}

// add notes an object, and that it is ours when its document is marked.
func (o *observation) add(object realms.Object, d document) {
	o.objects = append(o.objects, object)
	if d.marked() {
		o.ours[object.Ref()] = true
	}
}

// difference returns what of want is not in have, and what of have is not in want.
func compareNames(have, want []string) (missing, extra []string) {
	for _, w := range want {
		if !slices.Contains(have, w) {
			missing = append(missing, w)
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			extra = append(extra, h)
		}
	}
	return missing, extra
}
