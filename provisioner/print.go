package provisioner

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/realms"
)

// PlanView is a plan as the one document of --output json.
type PlanView struct {
	ID       PlanID              `json:"id,omitempty"`
	Country  tenancy.CountryCode `json:"country"`
	Realm    string              `json:"realm"`
	State    PlanState           `json:"state"`
	Revision string              `json:"revision"`
	Ops      []OpView            `json:"ops"`
	Findings []Finding           `json:"findings"`
}

// OpView is an op with its changes, old → new.
type OpView struct {
	Verb    Verb            `json:"verb"`
	Kind    realms.Kind     `json:"kind"`
	Key     string          `json:"key"`
	Changes []realms.Change `json:"changes"`
}

// View returns the plan for machines, secrets hidden.
func View(p Plan) PlanView {
	v := PlanView{ID: p.ID, Country: p.Country, Realm: p.Realm, State: p.State, Revision: p.Revision, Ops: []OpView{}, Findings: p.Findings()}
	for _, op := range p.Ops {
		v.Ops = append(v.Ops, OpView{op.Verb, op.Ref.Kind, op.Ref.Key, shown(op)})
	}
	return v
}

// signs stand before an op in the printed plan.
var signs = map[Verb]string{Create: "+", Update: "~", Set: "~", Release: "~", Adopt: "!", Remove: "-"}

// Print writes the plan for people. The same plan is always the same text.
func Print(w io.Writer, p Plan) error {
	out := &strings.Builder{}
	if len(p.Ops) == 0 {
		fmt.Fprintf(out, "Nothing to do: realm %s is as the catalogue of %s says.\n", p.Realm, p.Country)
	}
	for _, op := range p.Ops {
		fmt.Fprintf(out, "%s %s\n", signs[op.Verb], op.Ref)
		for _, c := range shown(op) {
			writeChange(out, op, c)
		}
	}
	if len(p.Ops) > 0 {
		fmt.Fprintf(out, "\nRealm %s, country %s: %s.\n", p.Realm, p.Country, Summary(p.Ops))
	}
	for _, f := range p.Findings() {
		fmt.Fprintf(out, "To be accepted by name, --accept %s: %s (%s)\n", f.Code, f.Message, refs(f.Refs))
	}
	if p.ID != "" {
		fmt.Fprintf(out, "Plan %s\n", p.ID)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeChange writes one field. Of what is made new only what says something
// is shown, of what is removed nothing.
func writeChange(out *strings.Builder, op Op, c realms.Change) {
	switch {
	case op.Verb == Remove:
	case op.From == nil && slices.Contains([]string{"", "false", "0", "0s"}, c.To):
	case op.From == nil:
		fmt.Fprintf(out, "    %s: %s\n", c.Field, c.To)
	default:
		fmt.Fprintf(out, "    %s: %s → %s\n", c.Field, orNone(c.From), orNone(c.To))
	}
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// secretField finds the fields whose values are not shown.
var secretField = regexp.MustCompile(`(?i)(secret|password|private.?key|token)$`)

// shown returns an op's changes with secrets hidden. Opora's own objects hold
// none; one that somebody put into a flow's or mapper's configuration might.
func shown(op Op) []realms.Change {
	changes := op.Changes()
	for i, c := range changes {
		if secretField.MatchString(c.Field) && strings.Contains(c.Field, "onfig") {
			changes[i].From, changes[i].To = hide(c.From), hide(c.To)
		}
	}
	return changes
}

func hide(text string) string {
	if text == "" {
		return ""
	}
	return "(hidden)"
}

// Summary counts the ops by what they do.
func Summary(ops []Op) string {
	counts := map[Verb]int{}
	for _, op := range ops {
		counts[op.Verb]++
	}
	text := fmt.Sprintf("%d to create, %d to change, %d to remove", counts[Create], counts[Update]+counts[Set]+counts[Release], counts[Remove])
	if counts[Adopt] > 0 {
		text += fmt.Sprintf(", %d to adopt", counts[Adopt])
	}
	return text
}
