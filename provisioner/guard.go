package provisioner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/realms"
)

// Finding is a danger in a plan. A plan with findings is applied only when
// each code is accepted by name.
type Finding struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Refs    []realms.Ref `json:"refs"`
}

// Guard returns the dangers of a plan, one finding for each code:
//
//	not_ours                  something stands there that Opora did not make; accepting adopts it
//	removes_<kind>            an object of the kind is removed, with what hangs on it
//	disables_<kind>           a realm, client or organization is switched off
//	suspends_<noun>           a tenant or contract is suspended without an end
//	shortens_contract         a contract begins later, ends sooner, renews itself no more or loses a company
//	weakens_realm             protection against guessing or a limit of the realm's is switched off
func Guard(ops []Op) []Finding {
	found := map[string]*Finding{}
	var codes []string
	add := func(code, message string, ref realms.Ref) {
		f, ok := found[code]
		if !ok {
			f = &Finding{Code: code, Message: message}
			found[code] = f
			codes = append(codes, code)
		}
		f.Refs = append(f.Refs, ref)
	}
	for _, op := range ops {
		kind := codeOf(op)
		switch op.Verb {
		case Adopt:
			add("not_ours", "Opora did not make this; accepting the code makes it Opora's, to be changed and removed", op.Ref)
		case Remove:
			add("removes_"+kind, removal(op.Ref.Kind), op.Ref)
		}
		if enabled(op.From) && !enabled(op.To) && op.To != nil {
			add("disables_"+kind, "people can no longer use this", op.Ref)
		}
		if suspends(op) {
			add("suspends_"+kind, "its employees may use nothing until this is taken back", op.Ref)
		}
		if shortens(op) {
			add("shortens_"+kind, "it covers fewer days or companies; those people may book nothing under it then", op.Ref)
		}
		if weakens(op) {
			add("weakens_realm", "the protection against guessing passwords is switched off", op.Ref)
		}
	}
	findings := make([]Finding, len(codes))
	slices.Sort(codes)
	for i, code := range codes {
		findings[i] = *found[code]
	}
	return findings
}

// codeOf is the kind of the op's object as it stands in codes; the contour's
// copy goes by its nouns.
func codeOf(op Op) string {
	name := string(op.Ref.Kind)
	for _, o := range []realms.Object{op.From, op.To} {
		if entry, ok := o.(*realms.Entry); ok {
			name = entry.Noun
		}
	}
	return strings.NewReplacer(" ", "_", "-", "_").Replace(name)
}

// suspends reports whether a tenant or contract of the copy is suspended until
// somebody takes it back. A suspension that ends by itself is none of these.
func suspends(op Op) bool {
	from, ok := op.From.(*realms.Entry)
	to, both := op.To.(*realms.Entry)
	return ok && both && !suspendedForGood(from) && suspendedForGood(to)
}

// suspendedForGood reports whether the entry is suspended without an end, from
// some day on or as it stands.
func suspendedForGood(e *realms.Entry) bool {
	if e.Body["suspended"] == true {
		return true
	}
	list, _ := e.Body["suspensions"].([]any)
	return slices.ContainsFunc(list, func(item any) bool {
		suspension, ok := item.(map[string]any)
		return ok && suspension["until"] == nil
	})
}

// shortens reports whether an entry of the copy, a contract, covers days or
// companies no more that it did. Days are compared as they are written, ISO 8601.
func shortens(op Op) bool {
	from, ok := op.From.(*realms.Entry)
	to, both := op.To.(*realms.Entry)
	if !ok || !both {
		return false
	}
	return text(to, "from") > text(from, "from") || text(to, "until") < text(from, "until") ||
		text(from, "renewal") != "" && text(to, "renewal") == "" || len(gone(from, to, "shared_with")) > 0
}

func text(e *realms.Entry, field string) string {
	value, _ := e.Body[field].(string)
	return value
}

// gone returns the items of a list of the entry that it has no more.
func gone(from, to *realms.Entry, field string) []any {
	had, _ := from.Body[field].([]any)
	has, _ := to.Body[field].([]any)
	return slices.DeleteFunc(slices.Clone(had), func(item any) bool { return slices.Contains(has, item) })
}

// removal says what goes with an object of the kind.
func removal(kind realms.Kind) string {
	switch kind {
	case realms.KindGroup:
		return "the people in this group lose its roles and their tenant; their accounts stay"
	case realms.KindClient:
		return "this application can no longer sign anybody in, and its secret is lost"
	case realms.KindOrganization, realms.KindIdentityProvider:
		return "people can no longer sign in by their company, and its addresses and keys in Keycloak are lost"
	case realms.KindEntry:
		return "the contour forgets this; employees may no longer use what it gave"
	}
	return "what hangs on this goes with it"
}

// enabled reports whether the object is one that can be switched off, and is on.
func enabled(o realms.Object) bool {
	switch o := o.(type) {
	case *realms.Realm:
		return o.Enabled
	case *realms.Client:
		return o.Enabled
	case *realms.Organization:
		return o.Enabled
	}
	return false
}

func weakens(op Op) bool {
	from, ok := op.From.(*realms.Realm)
	to, both := op.To.(*realms.Realm)
	return ok && both && from.BruteForce.Protected && !to.BruteForce.Protected
}

// Unaccepted returns an error that names the findings whose codes were not
// accepted, nil when all were.
func Unaccepted(findings []Finding, accepted []string) error {
	var missing []string
	for _, f := range findings {
		if !slices.Contains(accepted, f.Code) {
			missing = append(missing, fmt.Sprintf("%s (%s)", f.Code, refs(f.Refs)))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return tenancy.E(tenancy.Conflict, "finding_not_accepted",
		"the plan does what must be accepted by name, with --accept CODE: "+strings.Join(missing, "; "))
}

// refs names up to five objects.
func refs(all []realms.Ref) string {
	var texts []string
	for i, r := range all {
		if i == 5 {
			texts = append(texts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ", ")
}
