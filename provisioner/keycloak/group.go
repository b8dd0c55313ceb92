package keycloak

import (
	"context"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// observeGroups reads the tree level by level: a list of groups does not hold
// what is below them.
func (s session) observeGroups(ctx context.Context, o *observation) error {
	level, err := s.list(ctx, s.path("groups"), nil)
	if err != nil {
		return err
	}
	for len(level) > 0 {
		for _, d := range level {
			group, err := newGroup(d)
			if err != nil {
				return err
			}
			o.add(group, d)
		}
		if level, err = s.children(ctx, level); err != nil {
			return err
		}
	}
	return nil
}

// children reads the groups directly below those of a level.
func (s session) children(ctx context.Context, level []document) ([]document, error) {
	var mu sync.Mutex
	var below []document
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, d := range level {
		if count, _ := d["subGroupCount"].(float64); count == 0 {
			continue
		}
		group.Go(func() error {
			some, err := s.list(ctx, s.path("groups", d.text("id"), "children"), nil)
			mu.Lock()
			defer mu.Unlock()
			below = append(below, some...)
			return err
		})
	}
	return below, group.Wait()
}

func newGroup(d document) (*realms.Group, error) {
	var rep struct {
		Path        string              `json:"path"`
		Attributes  map[string][]string `json:"attributes"`
		RealmRoles  []string            `json:"realmRoles"`
		ClientRoles map[string][]string `json:"clientRoles"`
	}
	if err := d.into(&rep); err != nil {
		return nil, err
	}
	delete(rep.Attributes, markKey)
	group := &realms.Group{Path: rep.Path, Attributes: rep.Attributes, Roles: rep.RealmRoles}
	for client, roles := range rep.ClientRoles {
		for _, role := range roles {
			group.Roles = append(group.Roles, client+"/"+role)
		}
	}
	return group, nil
}

// findGroup reads a group by its path; nil when there is none.
func (s session) findGroup(ctx context.Context, group string) (document, error) {
	found, err := s.groupByPath(ctx, group)
	if found == nil || err != nil {
		return nil, err
	}
	return s.find(ctx, s.path("groups", found.text("id")))
}

// groupByPath reads a group without its attributes, which Keycloak leaves out
// here; nil when there is none.
func (s session) groupByPath(ctx context.Context, group string) (document, error) {
	return s.find(ctx, s.path(append([]string{"group-by-path"}, strings.Split(strings.Trim(group, "/"), "/")...)...))
}

func (s session) writeGroup(ctx context.Context, op provisioner.Op, to *realms.Group) error {
	there, err := s.findGroup(ctx, to.Path)
	if err != nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	attributes := map[string][]string{markKey: {s.mark}}
	for name, values := range to.Attributes {
		attributes[name] = values
	}
	ours := document{"name": path.Base(to.Path), "attributes": attributes}
	if there == nil {
		there, err = s.createGroup(ctx, to.Path, ours)
	} else {
		err = s.put(ctx, s.path("groups", there.text("id")), ours)
	}
	if err != nil {
		return err
	}
	have, err := newGroup(there)
	if err != nil {
		return err
	}
	base := []string{"groups", there.text("id"), "role-mappings"}
	return s.replaceRoles(ctx, have.Roles, to.Roles, func(client string) string {
		if client == "" {
			return s.path(append(base, "realm")...)
		}
		return s.path(append(base, "clients", client)...)
	})
}

// createGroup makes a group below its parent and reads it.
func (s session) createGroup(ctx context.Context, group string, ours document) (document, error) {
	collection := s.path("groups")
	if parent := path.Dir(group); parent != "/" {
		above, err := s.groupByPath(ctx, parent)
		if err != nil {
			return nil, err
		}
		if above == nil {
			return nil, tenancy.E(tenancy.NotFound, "group_missing", "the realm has no group "+parent)
		}
		collection = s.path("groups", above.text("id"), "children")
	}
	if _, err := s.post(ctx, collection, ours); err != nil {
		return nil, err
	}
	return s.groupByPath(ctx, group)
}

func (s session) removeGroup(ctx context.Context, op provisioner.Op, from *realms.Group) error {
	there, err := s.findGroup(ctx, from.Path)
	if err != nil || there == nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	return s.remove(ctx, s.path("groups", there.text("id")), nil)
}
