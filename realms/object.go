// Package realms says what a country's Keycloak realm contains, in our own
// words: the catalogue is compiled into a State, and what Keycloak holds is
// observed as one, so that the two can be compared field by field. Only what
// Opora owns has a field here; what Keycloak or the contour adds beside it
// (addresses and keys of identity providers, mail servers, themes) does not
// exist for a comparison. The package is pure: it knows no HTTP and no SQL.
package realms

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Kind is a kind of object.
type Kind string

// The kinds of object, in the order in which they can be made: each refers
// only to kinds before it.
const (
	KindRealm            Kind = "realm"
	KindRequiredAction   Kind = "required action"
	KindProfile          Kind = "user profile"
	KindRole             Kind = "role"
	KindScope            Kind = "client scope"
	KindFlow             Kind = "flow"
	KindSignIn           Kind = "sign-in"
	KindClient           Kind = "client"
	KindClientRole       Kind = "client role"
	KindAccess           Kind = "access"
	KindGroup            Kind = "group"
	KindIdentityProvider Kind = "identity provider"
	KindOrganization     Kind = "organization"
	KindEntry            Kind = "catalogue" // the contour's own copy of the catalogue, in PostgreSQL
)

// kinds lists the kinds in their order with what is true of all their objects.
var kinds = []struct {
	kind Kind
	// setting: every realm (or client) has it, so it is set, never made or removed
	setting bool
	// unmarkable: Keycloak gives it no place for our mark; the registry names those we made
	unmarkable bool
	empty      func() Object
}{
	{KindRealm, false, false, func() Object { return &Realm{} }},
	{KindRequiredAction, true, true, func() Object { return &RequiredAction{} }},
	{KindProfile, true, true, func() Object { return &Profile{} }},
	{KindRole, false, false, func() Object { return &Role{} }},
	{KindScope, false, false, func() Object { return &Scope{} }},
	{KindFlow, false, true, func() Object { return &Flow{} }},
	{KindSignIn, true, true, func() Object { return &SignIn{} }},
	{KindClient, false, false, func() Object { return &Client{} }},
	{KindClientRole, false, false, func() Object { return &ClientRole{} }},
	{KindAccess, true, false, func() Object { return &Access{} }},
	{KindGroup, false, false, func() Object { return &Group{} }},
	{KindIdentityProvider, false, false, func() Object { return &IdentityProvider{} }},
	{KindOrganization, false, false, func() Object { return &Organization{} }},
	{KindEntry, false, false, func() Object { return &Entry{} }},
}

// Rank returns the kind's place in the order of making, from 0.
func (k Kind) Rank() int {
	for i := range kinds {
		if kinds[i].kind == k {
			return i
		}
	}
	return len(kinds)
}

// Setting reports whether objects of the kind exist by themselves, so that
// they can only be set.
func (k Kind) Setting() bool { i := k.Rank(); return i < len(kinds) && kinds[i].setting }

// Unmarkable reports whether objects of the kind cannot carry our mark.
func (k Kind) Unmarkable() bool { i := k.Rank(); return i < len(kinds) && kinds[i].unmarkable }

// Ref names an object in a realm.
type Ref struct {
	Kind Kind   `json:"kind"`
	Key  string `json:"key"`
}

// String returns the ref as people read it: "group /tenants/cdek/hr".
func (r Ref) String() string { return string(r.Kind) + " " + r.Key }

// Compare orders refs by the order of making, then by key.
func (r Ref) Compare(s Ref) int {
	return cmp.Or(cmp.Compare(r.Kind.Rank(), s.Kind.Rank()), cmp.Compare(r.Key, s.Key))
}

// Object is one thing in a realm: a pointer to one of the structs below.
type Object interface {
	Ref() Ref
	// normalise puts what is a set into one order, so that equal objects
	// have equal JSON.
	normalise()
}

// Encode returns the object as JSON with its kind.
func Encode(o Object) (json.RawMessage, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(encoded{o.Ref().Kind, body})
}

// Decode reads what Encode wrote.
func Decode(b json.RawMessage) (Object, error) {
	var e encoded
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	o, err := New(e.Kind)
	if err != nil {
		return nil, err
	}
	return o, json.Unmarshal(e.Object, o)
}

type encoded struct {
	Kind   Kind            `json:"kind"`
	Object json.RawMessage `json:"object"`
}

// New returns an empty object of the kind.
func New(k Kind) (Object, error) {
	i := k.Rank()
	if i == len(kinds) {
		return nil, fmt.Errorf("there is no kind of object called %q", k)
	}
	return kinds[i].empty(), nil
}

// State is what a realm contains, as far as Opora owns it, in the order of
// Ref.Compare. A realm that does not exist has a State without objects.
type State struct {
	Realm   string
	Objects []Object
}

// NewState returns the objects in their order, each normalised.
func NewState(realm string, objects ...Object) State {
	s := State{Realm: realm, Objects: objects}
	for _, o := range objects {
		o.normalise()
	}
	slices.SortStableFunc(s.Objects, func(a, b Object) int { return a.Ref().Compare(b.Ref()) })
	return s
}

// Find returns the object with the ref.
func (s State) Find(r Ref) (Object, bool) {
	i, ok := slices.BinarySearchFunc(s.Objects, r, func(o Object, r Ref) int { return o.Ref().Compare(r) })
	if !ok {
		return nil, false
	}
	return s.Objects[i], true
}

// MarshalJSON writes the objects with their kinds.
func (s State) MarshalJSON() ([]byte, error) {
	objects := make([]json.RawMessage, len(s.Objects))
	for i, o := range s.Objects {
		b, err := Encode(o)
		if err != nil {
			return nil, err
		}
		objects[i] = b
	}
	return json.Marshal(map[string]any{"realm": s.Realm, "objects": objects})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(b []byte) error {
	var document struct {
		Realm   string            `json:"realm"`
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(b, &document); err != nil {
		return err
	}
	var objects []Object
	for _, raw := range document.Objects {
		o, err := Decode(raw)
		if err != nil {
			return err
		}
		objects = append(objects, o)
	}
	*s = NewState(document.Realm, objects...)
	return nil
}
