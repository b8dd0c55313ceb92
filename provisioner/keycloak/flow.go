package keycloak

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"github.com/ponimayu/opora/realms"
)

// observeFlows reads the flows that Keycloak did not make itself.
func (s session) observeFlows(ctx context.Context, o *observation) error {
	all, err := s.flows(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if builtin, _ := d["builtIn"].(bool); builtin {
			continue
		}
		flow := &realms.Flow{Alias: d.text("alias"), Description: d.text("description")}
		if flow.Steps, err = s.steps(ctx, flow.Alias); err != nil {
			return err
		}
		o.add(flow, nil)
	}
	return nil
}

func (s session) flows(ctx context.Context) ([]document, error) {
	var all []document
	err := s.client.get(ctx, s.path("authentication", "flows"), &all)
	return all, err
}

// execution is a step as Keycloak lists them: flat, with a level.
type execution struct {
	Level         int    `json:"level"`
	DisplayName   string `json:"displayName"`
	Requirement   string `json:"requirement"`
	Authenticator string `json:"providerId"`
	IsFlow        bool   `json:"authenticationFlow"`
	ConfigID      string `json:"authenticationConfig"`
}

// steps reads a flow's steps as a tree.
func (s session) steps(ctx context.Context, alias string) ([]realms.Step, error) {
	var flat []execution
	if err := s.client.get(ctx, s.path("authentication", "flows", alias, "executions"), &flat); err != nil {
		return nil, err
	}
	steps, _, err := s.tree(ctx, flat, 0)
	return steps, err
}

// tree takes the executions of a level, with those below them, off a flat list.
func (s session) tree(ctx context.Context, flat []execution, level int) (steps []realms.Step, rest []execution, err error) {
	for len(flat) > 0 && flat[0].Level == level {
		e := flat[0]
		flat = flat[1:]
		step := realms.Step{Authenticator: e.Authenticator, Requirement: e.Requirement}
		if e.IsFlow {
			step.Authenticator = ""
			step.Name, _, _ = strings.Cut(e.DisplayName, nameEnd)
			if step.Steps, flat, err = s.tree(ctx, flat, level+1); err != nil {
				return nil, nil, err
			}
		}
		if e.ConfigID != "" {
			var config struct {
				Config map[string]string `json:"config"`
			}
			if err := s.client.get(ctx, s.path("authentication", "config", e.ConfigID), &config); err != nil {
				return nil, nil, err
			}
			step.Config = config.Config
		}
		steps = append(steps, step)
	}
	return steps, flat, nil
}

// nameEnd ends a step's name in the alias of its flow. What follows makes the
// alias unique in the realm, as Keycloak asks.
const nameEnd = " -- "

// building is what an unfinished flow's alias has after its own name.
const building = " -- building "

// writeFlow builds the flow beside the one that is there, moves what uses the
// old one over and only then removes it: people sign in all the while. Whatever
// an earlier attempt left behind is treated as an old one.
func (s session) writeFlow(ctx context.Context, to *realms.Flow) error {
	all, err := s.flows(ctx)
	if err != nil {
		return err
	}
	var old []document
	for _, d := range all {
		if alias := d.text("alias"); alias == to.Alias || strings.HasPrefix(alias, to.Alias+building) {
			old = append(old, d)
		}
	}
	alias := to.Alias + building + rand.Text()[:8]
	id, err := s.build(ctx, alias, to.Description, to.Steps)
	if err != nil {
		return err
	}
	if err := s.moveUsers(ctx, old, alias); err != nil {
		return err
	}
	for _, d := range old {
		if err := s.remove(ctx, s.path("authentication", "flows", d.text("id")), nil); err != nil {
			return err
		}
	}
	named := document{"id": id, "alias": to.Alias, "description": to.Description, "providerId": "basic-flow", "topLevel": true, "builtIn": false}
	return s.put(ctx, s.path("authentication", "flows", id), named)
}

// build makes a flow with its steps.
func (s session) build(ctx context.Context, alias, description string, steps []realms.Step) (id string, err error) {
	id, err = s.post(ctx, s.path("authentication", "flows"), document{
		"alias": alias, "description": description, "providerId": "basic-flow", "topLevel": true, "builtIn": false,
	})
	if err != nil {
		return "", err
	}
	return id, s.buildSteps(ctx, id, steps)
}

func (s session) buildSteps(ctx context.Context, flow string, steps []realms.Step) error {
	for i, step := range steps {
		execution := document{"parentFlow": flow, "requirement": step.Requirement, "priority": 10 * (i + 1), "authenticatorFlow": step.Name != ""}
		if step.Name != "" {
			below, err := s.post(ctx, s.path("authentication", "flows"), document{
				"alias": step.Name + nameEnd + rand.Text()[:8], "providerId": "basic-flow", "topLevel": false, "builtIn": false,
			})
			if err != nil {
				return err
			}
			if err := s.buildSteps(ctx, below, step.Steps); err != nil {
				return err
			}
			execution["flowId"] = below
		} else {
			execution["authenticator"] = step.Authenticator
		}
		id, err := s.post(ctx, s.path("authentication", "executions"), execution)
		if err != nil {
			return err
		}
		if len(step.Config) == 0 {
			continue
		}
		config := document{"alias": step.Authenticator + nameEnd + rand.Text()[:8], "config": step.Config}
		if _, err := s.post(ctx, s.path("authentication", "executions", id, "config"), config); err != nil {
			return err
		}
	}
	return nil
}

// moveUsers gives the realm and the identity providers that use an old flow
// the new one.
func (s session) moveUsers(ctx context.Context, old []document, alias string) error {
	if len(old) == 0 {
		return nil
	}
	isOld := func(used string) bool {
		return slices.ContainsFunc(old, func(d document) bool { return d.text("alias") == used })
	}
	realm, err := s.find(ctx, s.path())
	if err != nil {
		return err
	}
	change := document{}
	for key := range realm {
		if strings.HasSuffix(key, "Flow") && isOld(realm.text(key)) {
			change[key] = alias
		}
	}
	if len(change) > 0 {
		if err := s.put(ctx, s.path(), change); err != nil {
			return err
		}
	}
	providers, err := s.providers(ctx)
	if err != nil {
		return err
	}
	for _, p := range providers {
		if !isOld(p.text("firstBrokerLoginFlowAlias")) {
			continue
		}
		p["firstBrokerLoginFlowAlias"] = alias
		if _, err := s.client.send(ctx, http.MethodPut, s.path("identity-provider", "instances", p.text("alias")), p, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s session) removeFlow(ctx context.Context, from *realms.Flow) error {
	all, err := s.flows(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.text("alias") == from.Alias {
			return s.remove(ctx, s.path("authentication", "flows", d.text("id")), nil)
		}
	}
	return nil
}
