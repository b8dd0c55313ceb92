package realms

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Change is one field that differs: its path, and its value before and after.
// An absent value is empty text.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Compare returns the fields in which two objects of a kind differ, by path.
// Either may be nil, for an object that does not exist.
func Compare(from, to Object) []Change {
	old, new := fields(from), fields(to)
	var changes []Change
	for path, was := range old {
		if is := new[path]; is != was {
			changes = append(changes, Change{path, was, is})
		}
	}
	for path, is := range new {
		if _, there := old[path]; !there && is != "" {
			changes = append(changes, Change{path, "", is})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Field, b.Field) })
	return changes
}

// Equal reports whether the objects agree in every field.
func Equal(a, b Object) bool { return len(Compare(a, b)) == 0 }

// fields returns an object's leaves by path. A list of plain values is one
// leaf; things in a list go by their id, name or code, or else their place.
func fields(o Object) map[string]string {
	leaves := map[string]string{}
	if o == nil {
		return leaves
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("%s cannot be written as JSON: %v", o.Ref(), err)) // plain data always can
	}
	var value any
	_ = json.Unmarshal(text, &value)
	if e, ok := o.(*Entry); ok {
		value = e.Body
	}
	collect(leaves, "", value)
	return leaves
}

func collect(leaves map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, x := range v {
			collect(leaves, strings.TrimPrefix(path+"."+key, "."), x)
		}
		if len(v) == 0 {
			leaves[path] = ""
		}
	case []any:
		if text, plain := plainList(v); plain {
			leaves[path] = text
			return
		}
		for i, x := range v {
			collect(leaves, fmt.Sprintf("%s[%s]", path, label(x, i)), x)
		}
	case nil:
		leaves[path] = ""
	default:
		leaves[path] = plain(v)
	}
}

// plainList writes a list of plain values; false when it holds anything else.
func plainList(list []any) (string, bool) {
	texts := make([]string, len(list))
	for i, x := range list {
		switch x.(type) {
		case map[string]any, []any:
			return "", false
		}
		texts[i] = plain(x)
	}
	return strings.Join(texts, ", "), true
}

func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%.3f", v), ".000")
	}
	return fmt.Sprint(value)
}

// label is what a thing in a list is called in paths.
func label(value any, place int) string {
	if m, ok := value.(map[string]any); ok {
		for _, key := range []string{"id", "name", "code", "alias", "authenticator"} {
			if s, ok := m[key].(string); ok && s != "" {
				if key == "authenticator" {
					return fmt.Sprintf("%d %s", place+1, s)
				}
				return s
			}
		}
	}
	return fmt.Sprint(place + 1)
}
