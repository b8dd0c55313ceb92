package realms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
)

// baseline is templates/realms/baseline.yaml with its overlays, read.
type baseline struct {
	Addresses       map[string]string         `json:"addresses"`
	Realm           Realm                     `json:"realm"`
	RequiredActions map[string]RequiredAction `json:"required_actions"`
	Profile         Profile                   `json:"profile"`
	Roles           map[string]string         `json:"roles"`
	SpecialistTypes struct {
		Role  string `json:"role"`
		Group Group  `json:"group"`
	} `json:"specialist_types"`
	Groups         map[string]Group          `json:"groups"`
	TenantGroups   map[string]Group          `json:"tenant_groups"`
	PasswordRoles  []string                  `json:"password_roles"` // not for tenants with a sign-in of their own
	Scopes         map[string]Scope          `json:"scopes"`
	Flows          map[string]Flow           `json:"flows"`
	SignIn         SignIn                    `json:"sign_in"`
	Clients        map[string]clientTemplate `json:"clients"`
	ClientDefaults struct {
		Enabled        bool     `json:"enabled"`
		PKCE           string   `json:"pkce"`
		Scopes         []string `json:"scopes"`
		OptionalScopes []string `json:"optional_scopes"`
	} `json:"client_defaults"`
}

// clientTemplate is a client with its roles and what it can do.
type clientTemplate struct {
	Client
	Roles               map[string]string `json:"roles"`
	TokenRoles          []string          `json:"token_roles"`
	ServiceAccountRoles []string          `json:"service_account_roles"`
}

// readBaseline merges the country's overlay and those of the contour into the
// baseline and puts the words in.
func readBaseline(country tenancy.Country, brand string, overlays [][]byte) (baseline, error) {
	document, err := readYAML("realms/baseline.yaml")
	if err != nil {
		return baseline{}, err
	}
	own, err := readYAML("realms/" + string(country.Code) + ".yaml")
	switch {
	case err == nil:
		merge(document, own)
	case !errors.Is(err, fs.ErrNotExist):
		return baseline{}, err
	}
	for _, text := range overlays {
		var overlay map[string]any
		if err := yaml.Unmarshal(text, &overlay); err != nil {
			return baseline{}, tenancy.E(tenancy.Invalid, "overlay_invalid", "the realm's overlay is not YAML", err)
		}
		merge(document, overlay)
	}
	words := map[string]string{"country": string(country.Code), "realm": country.Realm, "brand": brand}
	addresses, _ := document["addresses"].(map[string]any)
	for name, address := range addresses {
		text, ok := address.(string)
		if !ok {
			return baseline{}, tenancy.E(tenancy.Invalid, "overlay_invalid", fmt.Sprintf("addresses.%s is not a text", name))
		}
		words[name] = put(text, words)
	}
	return decode(putAll(document, words))
}

func readYAML(name string) (map[string]any, error) {
	text, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return document, nil
}

// decode reads the merged document strictly: a misspelt key must not pass for
// a setting that is switched off.
func decode(document any) (b baseline, err error) {
	text, err := json.Marshal(document)
	if err != nil {
		return b, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return b, tenancy.E(tenancy.Invalid, "overlay_invalid",
			"the realm's baseline with its overlays does not hold together: "+strings.TrimPrefix(err.Error(), "json: "), err)
	}
	return b, nil
}

// merge writes the overlay over the document: mappings key by key, anything
// else whole; null takes the key out.
func merge(document, overlay map[string]any) {
	for key, over := range overlay {
		below, ok := document[key].(map[string]any)
		above, both := over.(map[string]any)
		switch {
		case over == nil:
			delete(document, key)
		case ok && both:
			merge(below, above)
		default:
			document[key] = over
		}
	}
}

var word = regexp.MustCompile(`\$\(([a-z_]+)\)`)

// put replaces $(name) by the word; a name that is not known stays, for a
// later turn (the tenant, the type).
func put(text string, words map[string]string) string {
	return word.ReplaceAllStringFunc(text, func(found string) string {
		if w, ok := words[found[2:len(found)-1]]; ok {
			return w
		}
		return found
	})
}

// putAll does the same in every text of a document, keys included.
func putAll(value any, words map[string]string) any {
	switch v := value.(type) {
	case string:
		return put(v, words)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = putAll(v[i], words)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for key, x := range v {
			all[put(key, words)] = putAll(x, words)
		}
		return all
	}
	return value
}

// filled returns the group with the words put in.
func (g Group) filled(path string, words map[string]string) *Group {
	filled := Group{Path: path, Attributes: map[string][]string{}}
	for name, values := range g.Attributes {
		for _, v := range values {
			filled.Attributes[name] = append(filled.Attributes[name], put(v, words))
		}
	}
	for _, r := range g.Roles {
		filled.Roles = append(filled.Roles, put(r, words))
	}
	return &filled
}

// names returns a map's keys in order.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
