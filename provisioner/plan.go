package provisioner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/ponimayu/opora/realms"
)

// Observed is a realm as it was read: its objects, and which of them are ours
// because they carry our mark or stand in the registry.
type Observed struct {
	State realms.State
	Ours  map[realms.Ref]bool
}

// Hash names what was observed of ours: two observations of a realm in which
// nothing of ours changed have the same hash, whatever others did beside it.
func (o Observed) Hash() (string, error) {
	var lines []json.RawMessage
	for _, object := range o.State.Objects {
		ref := object.Ref()
		// A client's access is its own; the other settings are the realm's.
		if !o.Ours[ref] && (!ref.Kind.Setting() || ref.Kind == realms.KindAccess) {
			continue
		}
		b, err := realms.Encode(object)
		if err != nil {
			return "", err
		}
		lines = append(lines, b)
	}
	return hash(lines)
}

// hash names a value by its JSON.
func hash(value any) (string, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Diff returns the ops that turn what is there into what is wanted:
//
//	have           want             op
//	nothing        x                create
//	ours           the same         -
//	ours           different        update
//	ours           nothing          remove
//	not ours       x                adopt: finding "not_ours" must be accepted first
//	not ours       nothing          - : hands off
//	a setting      x, different     set: it exists by itself (required actions, the profile…)
//	a setting      nothing          -
//
// and an organization that gives a domain to another releases it first.
//
// The ops come in the order in which they are carried out, by rank and key, so
// that the same two states always give the same plan.
func Diff(have Observed, want realms.State) []Op {
	want = leaveAlone(have, want)
	var ops []Op
	for _, to := range want.Objects {
		ref := to.Ref()
		from, there := have.State.Find(ref)
		switch {
		case there && from == to: // left alone
		case ref.Kind.Setting() && (!there || !realms.Equal(from, to)):
			ops = append(ops, Op{Set, ref, from, to})
		case ref.Kind.Setting():
		case !there:
			ops = append(ops, Op{Create, ref, nil, to})
		case !have.Ours[ref]:
			ops = append(ops, Op{Adopt, ref, from, to})
		case !realms.Equal(from, to):
			ops = append(ops, Op{Update, ref, from, to})
		}
	}
	for _, from := range have.State.Objects {
		if _, kept := want.Find(from.Ref()); !kept {
			ops = append(ops, Op{Remove, from.Ref(), from, nil})
		}
	}
	ops = append(ops, releases(ops)...)
	slices.SortStableFunc(ops, compareOps)
	return ops
}

// releases returns the ops by which organizations give up domains that others
// of the plan get, and takes that much out of the ops that follow. Two
// organizations that change domains would else each wait for the other.
func releases(ops []Op) []Op {
	gained := map[string]bool{}
	for _, op := range ops {
		from, _ := op.From.(*realms.Organization)
		if to, ok := op.To.(*realms.Organization); ok {
			for _, domain := range to.Domains {
				gained[domain] = from == nil || !slices.Contains(from.Domains, domain) || gained[domain]
			}
		}
	}
	var released []Op
	for i, op := range ops {
		from, had := op.From.(*realms.Organization)
		to, has := op.To.(*realms.Organization)
		if !had || !has || op.Verb != Update {
			continue
		}
		between := *from
		between.Domains = slices.DeleteFunc(slices.Clone(from.Domains), func(domain string) bool {
			return gained[domain] && !slices.Contains(to.Domains, domain)
		})
		if len(between.Domains) < len(from.Domains) {
			released = append(released, Op{Release, op.Ref, from, &between})
			ops[i].From = &between
		}
	}
	return released
}

// leaveAlone adds to what is wanted, as they are, the objects that no plan may
// remove: those that are not ours, and settings, which cannot be removed.
func leaveAlone(have Observed, want realms.State) realms.State {
	objects := slices.Clone(want.Objects)
	for _, object := range have.State.Objects {
		ref := object.Ref()
		if _, ok := want.Find(ref); !ok && (ref.Kind.Setting() || !have.Ours[ref]) {
			objects = append(objects, object)
		}
	}
	return realms.NewState(want.Realm, objects...)
}
