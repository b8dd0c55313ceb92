package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// Roles are named "role" or, when they are a client's, "client/role".

func (s session) observeRoles(ctx context.Context, o *observation) error {
	all, err := s.list(ctx, s.path("roles"), nil)
	if err != nil {
		return err
	}
	for _, d := range all {
		role := &realms.Role{Name: d.text("name"), Description: d.text("description")}
		if composite, _ := d["composite"].(bool); composite {
			included, err := s.included(ctx, s.path("roles", role.Name, "composites"))
			if err != nil {
				return err
			}
			role.Includes = included
		}
		o.add(role, d)
	}
	return nil
}

// included returns the names of the roles listed at an address.
func (s session) included(ctx context.Context, address string) ([]string, error) {
	var roles []document
	if err := s.client.get(ctx, address, &roles); err != nil {
		return nil, err
	}
	clients := map[string]string{}
	var included []string
	for _, d := range roles {
		name := d.text("name")
		if of, _ := d["clientRole"].(bool); of {
			id := d.text("containerId")
			if clients[id] == "" {
				client, err := s.find(ctx, s.path("clients", id))
				if err != nil {
					return nil, err
				}
				clients[id] = client.text("clientId")
			}
			name = clients[id] + "/" + name
		}
		included = append(included, name)
	}
	return included, nil
}

func (s session) writeRole(ctx context.Context, op provisioner.Op, to *realms.Role) error {
	ours := document{"name": to.Name, "description": to.Description, "attributes": document{markKey: []any{s.mark}}}
	there, err := s.find(ctx, s.path("roles", to.Name))
	if err != nil {
		return err
	}
	if err := s.upsert(ctx, op, there, ours, s.path("roles"), s.path("roles", to.Name)); err != nil {
		return err
	}
	address := s.path("roles", to.Name, "composites")
	have, err := s.included(ctx, address)
	if err != nil {
		return err
	}
	return s.replaceRoles(ctx, have, to.Includes, func(string) string { return address })
}

// upsert makes the object in the collection or writes our fields over it.
func (s session) upsert(ctx context.Context, op provisioner.Op, there, ours document, collection, item string) error {
	if there == nil {
		_, err := s.post(ctx, collection, document{}.merge(ours))
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	return s.put(ctx, item, there.merge(ours))
}

func (s session) writeClientRole(ctx context.Context, op provisioner.Op, to *realms.ClientRole) error {
	client, err := s.clientUUID(ctx, to.Client)
	if err != nil {
		return err
	}
	item := s.path("clients", client, "roles", to.Name)
	there, err := s.find(ctx, item)
	if err != nil {
		return err
	}
	ours := document{"name": to.Name, "description": to.Description, "attributes": document{markKey: []any{s.mark}}}
	return s.upsert(ctx, op, there, ours, s.path("clients", client, "roles"), item)
}

func (s session) removeClientRole(ctx context.Context, op provisioner.Op, from *realms.ClientRole) error {
	client, err := s.clientUUID(ctx, from.Client)
	if tenancy.KindOf(err) == tenancy.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.removeMarked(ctx, op, s.path("clients", client, "roles", from.Name))
}

// replaceRoles makes a set of role mappings what is wanted. address returns
// where the mappings of a client stand, or of the realm for "".
func (s session) replaceRoles(ctx context.Context, have, want []string, address func(clientUUID string) string) error {
	missing, extra := compareNames(have, want)
	for method, names := range map[string][]string{http.MethodPost: missing, http.MethodDelete: extra} {
		byClient := map[string][]document{}
		for _, name := range names {
			client, role, err := s.role(ctx, name)
			if err != nil {
				return err
			}
			byClient[client] = append(byClient[client], role)
		}
		for client, roles := range byClient {
			if _, err := s.client.send(ctx, method, address(client), roles, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// role reads a role by its name, with its client's UUID if it is a client's.
func (s session) role(ctx context.Context, name string) (client string, role document, err error) {
	address := s.path("roles", name)
	if id, rest, ok := strings.Cut(name, "/"); ok {
		if client, err = s.clientUUID(ctx, id); err != nil {
			return "", nil, err
		}
		address = s.path("clients", client, "roles", rest)
	}
	role, err = s.find(ctx, address)
	if err == nil && role == nil {
		err = tenancy.E(tenancy.NotFound, "role_missing", "the realm has no role "+name)
	}
	return client, role, err
}

// mappings are role mappings as Keycloak writes them, of a client's scope or
// of an account.
type mappings struct {
	Realm  []document `json:"realmMappings"`
	Client map[string]struct {
		Mappings []document `json:"mappings"`
	} `json:"clientMappings"`
}

// names returns the roles' names but the realm's default role, which every
// account has by itself.
func (m mappings) names(realm string) []string {
	var all []string
	for _, d := range m.Realm {
		if d.text("name") != "default-roles-"+strings.ToLower(realm) {
			all = append(all, d.text("name"))
		}
	}
	for client, of := range m.Client {
		for _, d := range of.Mappings {
			all = append(all, client+"/"+d.text("name"))
		}
	}
	slices.Sort(all)
	return all
}

// clientUUID returns Keycloak's own id of a client.
func (s session) clientUUID(ctx context.Context, id string) (string, error) {
	d, err := s.findClient(ctx, id)
	if err == nil && d == nil {
		err = tenancy.E(tenancy.NotFound, "client_missing", "the realm has no client "+id)
	}
	return d.text("id"), err
}

// findClient reads a client by its clientId; nil when there is none.
func (s session) findClient(ctx context.Context, id string) (document, error) {
	var found []document
	if err := s.client.get(ctx, s.path("clients")+"?"+url.Values{"clientId": {id}}.Encode(), &found); err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
