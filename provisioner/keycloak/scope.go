package keycloak

import (
	"context"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// scopes lists the realm's client scopes, which Keycloak gives in one answer.
func (s session) scopes(ctx context.Context) ([]document, error) {
	var all []document
	err := s.client.get(ctx, s.path("client-scopes"), &all)
	return all, err
}

// scopeIDs returns the ids of the realm's client scopes by name.
func (s session) scopeIDs(ctx context.Context) (map[string]string, error) {
	all, err := s.scopes(ctx)
	ids := make(map[string]string, len(all))
	for _, d := range all {
		ids[d.text("name")] = d.text("id")
	}
	return ids, err
}

// mapperRepresentation is a mapper as Keycloak writes it.
type mapperRepresentation struct {
	ID       string            `json:"id,omitempty"`
	Name     string            `json:"name"`
	Protocol string            `json:"protocol"`
	Mapper   string            `json:"protocolMapper"`
	Config   map[string]string `json:"config"`
}

func (s session) observeScopes(ctx context.Context, o *observation) error {
	all, err := s.scopes(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		scope := &realms.Scope{Name: d.text("name"), Description: d.text("description"), Mappers: map[string]realms.Mapper{}}
		mappers, err := mappersOf(d)
		if err != nil {
			return err
		}
		for _, m := range mappers {
			scope.Mappers[m.Name] = realms.Mapper{Type: m.Mapper, Config: m.Config}
		}
		o.add(scope, d)
	}
	return nil
}

func mappersOf(scope document) ([]mapperRepresentation, error) {
	var of struct {
		Mappers []mapperRepresentation `json:"protocolMappers"`
	}
	err := scope.into(&of)
	return of.Mappers, err
}

// findScope reads a client scope by name; nil when there is none.
func (s session) findScope(ctx context.Context, name string) (document, error) {
	all, err := s.scopes(ctx)
	for _, d := range all {
		if d.text("name") == name {
			return d, err
		}
	}
	return nil, err
}

func (s session) writeScope(ctx context.Context, op provisioner.Op, to *realms.Scope) error {
	there, err := s.findScope(ctx, to.Name)
	if err != nil {
		return err
	}
	ours := document{
		"name": to.Name, "description": to.Description, "protocol": "openid-connect",
		"attributes": document{markKey: s.mark, "include.in.token.scope": "true", "display.on.consent.screen": "false"},
	}
	if err := s.upsert(ctx, op, there, ours, s.path("client-scopes"), s.path("client-scopes", there.text("id"))); err != nil {
		return err
	}
	if there, err = s.findScope(ctx, to.Name); err != nil {
		return err
	}
	return s.writeMappers(ctx, there, to.Mappers)
}

// writeMappers makes a scope's mappers what is wanted.
func (s session) writeMappers(ctx context.Context, scope document, want map[string]realms.Mapper) error {
	have, err := mappersOf(scope)
	if err != nil {
		return err
	}
	address := func(parts ...string) string {
		return s.path(append([]string{"client-scopes", scope.text("id"), "protocol-mappers", "models"}, parts...)...)
	}
	there := map[string]mapperRepresentation{}
	for _, m := range have {
		there[m.Name] = m
		if w, ok := want[m.Name]; !ok || w.Type != m.Mapper {
			if err := s.remove(ctx, address(m.ID), nil); err != nil {
				return err
			}
			delete(there, m.Name)
		}
	}
	for name, w := range want {
		rep := mapperRepresentation{Name: name, Protocol: "openid-connect", Mapper: w.Type, Config: w.Config}
		if old, ok := there[name]; ok {
			rep.ID = old.ID
			err = s.put(ctx, address(old.ID), rep)
		} else {
			_, err = s.post(ctx, address(), rep)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s session) removeScope(ctx context.Context, op provisioner.Op, from *realms.Scope) error {
	there, err := s.findScope(ctx, from.Name)
	if err != nil || there == nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	return s.remove(ctx, s.path("client-scopes", there.text("id")), nil)
}
