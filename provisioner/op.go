package provisioner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ponimayu/opora/realms"
)

// Verb is what an op does to its object.
type Verb string

// The verbs.
const (
	Create Verb = "create" // there is none: make it, marked as ours
	Update Verb = "update" // ours: write the fields that differ
	Set    Verb = "set"    // exists in every realm: write it
	Adopt  Verb = "adopt"  // somebody else's stands there: mark it and write it
	Remove Verb = "remove" // ours and no longer wanted
	// Release is an update that goes first: the object gives up what another
	// one is about to get. The rest of its changes follow in an op of their own.
	Release Verb = "release"
)

// Op is one step of a plan: one object of a realm, from what it is to what it
// should be. The family is closed, six verbs by the kinds of realms; an op is
// plain data, kept as JSON, shown to people and carried out by another process.
type Op struct {
	Verb Verb
	Ref  realms.Ref
	From realms.Object // what is there; nil when nothing is known of it
	To   realms.Object // what should be; nil to remove
}

// Changes returns the fields that the op changes, in order.
func (o Op) Changes() []realms.Change { return realms.Compare(o.From, o.To) }

// String returns a sentence for people.
func (o Op) String() string { return fmt.Sprintf("%s %s", o.Verb, o.Ref) }

// The phases of a plan.
const (
	clearing = iota // what others are to get is given up: organizations, their providers and domains
	making          // in the order in which objects refer to each other
	removing        // in the opposite order
	copying         // the contour's own copy of the catalogue, once Keycloak has it all
)

// rank orders the ops of a plan: phase, kind, then changes before creations,
// so that what one object gives up is free for another.
func (o Op) rank() [3]int {
	kind := o.Ref.Kind.Rank()
	switch {
	case o.Ref.Kind == realms.KindEntry:
		return [3]int{copying}
	case o.Verb == Remove && (o.Ref.Kind == realms.KindOrganization || o.Ref.Kind == realms.KindIdentityProvider):
		return [3]int{clearing, -kind}
	case o.Verb == Release:
		return [3]int{clearing, 0, 1}
	case o.Verb == Remove:
		return [3]int{removing, -kind}
	case o.Verb == Create:
		return [3]int{making, kind, 1}
	}
	return [3]int{making, kind, 0}
}

// compareOps orders ops by rank and key. What is removed goes by key
// backwards, the groups below another before it.
func compareOps(a, b Op) int {
	ra, rb := a.rank(), b.rank()
	if order := slices.Compare(ra[:], rb[:]); order != 0 {
		return order
	}
	if a.Verb == Remove && b.Verb == Remove {
		a, b = b, a
	}
	return cmp.Compare(a.Ref.Key, b.Ref.Key)
}

type encodedOp struct {
	Verb Verb            `json:"verb"`
	Ref  realms.Ref      `json:"ref"`
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (o Op) MarshalJSON() ([]byte, error) {
	e := encodedOp{Verb: o.Verb, Ref: o.Ref}
	var err error
	if e.From, err = encodeObject(o.From); err != nil {
		return nil, err
	}
	if e.To, err = encodeObject(o.To); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

func encodeObject(o realms.Object) (json.RawMessage, error) {
	if o == nil {
		return nil, nil
	}
	return realms.Encode(o)
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Op) UnmarshalJSON(b []byte) error {
	var e encodedOp
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	*o = Op{Verb: e.Verb, Ref: e.Ref}
	var err error
	if len(e.From) > 0 {
		if o.From, err = realms.Decode(e.From); err != nil {
			return err
		}
	}
	if len(e.To) > 0 {
		o.To, err = realms.Decode(e.To)
	}
	return err
}
