package entitlement

import (
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// internedSets gives each set of segments that somebody is in a small number:
// of a million employees there are only so many different ones. A number
// whose last holder is gone is given out again.
type internedSets struct {
	all     []internedSet // by number
	free    []uint32
	numbers map[string]uint32 // by key
	key     []byte            // memory of the last key
}

// internedSet is a set of a tenant's segments by their ids, in order, and how
// many employments hold it. It is kept by ids, so that it means the same
// whatever the terms call or order their segments.
type internedSet struct {
	tenant   tenancy.TenantSlug
	segments []tenancy.SegmentID
	holders  int
}

func newInternedSets() internedSets { return internedSets{numbers: map[string]uint32{}} }

// hold returns the set's number and counts one holder more; fresh says that
// the number did not stand for the set before.
func (s *internedSets) hold(tenant tenancy.TenantSlug, segments []tenancy.SegmentID) (number uint32, fresh bool) {
	if !slices.IsSorted(segments) {
		segments = slices.Sorted(slices.Values(segments))
	}
	s.key = appendKey(s.key[:0], tenant, segments)
	number, ok := s.numbers[string(s.key)]
	if !ok {
		number = s.number()
		s.all[number] = internedSet{tenant: tenant, segments: slices.Clone(segments)}
		s.numbers[string(s.key)] = number
	}
	s.all[number].holders++
	return number, !ok
}

// number returns one that stands for nothing.
func (s *internedSets) number() uint32 {
	if n := len(s.free); n > 0 {
		number := s.free[n-1]
		s.free = s.free[:n-1]
		return number
	}
	s.all = append(s.all, internedSet{})
	return uint32(len(s.all) - 1) //nolint:gosec // fewer than there are employments
}

// release counts one holder less.
func (s *internedSets) release(number uint32) {
	set := &s.all[number]
	if set.holders--; set.holders > 0 {
		return
	}
	s.key = appendKey(s.key[:0], set.tenant, set.segments)
	delete(s.numbers, string(s.key))
	*set = internedSet{}
	s.free = append(s.free, number)
}

// appendKey spells the set; neither slugs nor ids of segments hold a zero byte.
func appendKey(key []byte, tenant tenancy.TenantSlug, segments []tenancy.SegmentID) []byte {
	key = append(key, tenant...)
	for _, id := range segments {
		key = append(append(key, 0), id...)
	}
	return key
}
