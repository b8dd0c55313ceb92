package entitlement

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Used is the booking core's own count of use in a grant's window: either one
// count per grant, or one number taken for each covering grant. The zero Used
// is "no use". Opora answers from it and keeps nothing of it.
type Used struct {
	each    int
	byGrant map[tenancy.GrantID]int
	given   bool
}

// maxUsed is the greatest count that is believed.
const maxUsed = 1_000_000_000

// UsedEach is a count taken for each covering grant.
func UsedEach(n int) Used { return Used{each: n, given: true} }

// UsedByGrant is a count per grant; a grant that is not named has none.
func UsedByGrant(counts map[tenancy.GrantID]int) Used {
	return Used{byGrant: maps.Clone(counts), given: true}
}

// Of returns the count for a grant.
func (u Used) Of(grant tenancy.GrantID) int {
	if u.byGrant != nil {
		return u.byGrant[grant]
	}
	return u.each
}

// IsZero reports whether no count was given at all.
func (u Used) IsZero() bool { return !u.given }

// MarshalJSON writes the form in which the count was given.
func (u Used) MarshalJSON() ([]byte, error) {
	if u.byGrant != nil {
		return json.Marshal(u.byGrant)
	}
	return json.Marshal(u.each)
}

// UnmarshalJSON reads {"<grant>": n} or n; a negative or broken number is an
// error, as is anything else. null is "not given".
func (u *Used) UnmarshalJSON(b []byte) error {
	var read Used
	switch {
	case bytes.Equal(b, []byte("null")):
	case bytes.HasPrefix(b, []byte("{")):
		if err := json.Unmarshal(b, &read.byGrant); err != nil {
			return fieldInvalid("used", "holds a whole number for each grant")
		}
		read.given = true
	default:
		if err := json.Unmarshal(b, &read.each); err != nil {
			return fieldInvalid("used", `is a whole number, or {"<grant>": number}`)
		}
		read.given = true
	}
	if !read.possible() {
		return fieldInvalid("used", "is a number from 0 to 1000000000")
	}
	*u = read
	return nil
}

// possible reports whether every count is one that sums cannot overflow with.
func (u Used) possible() bool {
	for _, n := range u.byGrant {
		if n < 0 || n > maxUsed {
			return false
		}
	}
	return u.each >= 0 && u.each <= maxUsed
}
