package entitlement

import (
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// segmentSet is a set of a tenant's segments by their index.
type segmentSet uint64

// segment is a tenancy.Segment with its words folded for comparison.
type segment struct {
	id                          tenancy.SegmentID
	listed                      bool
	department, position, grade []string
	legalEntity                 []tenancy.LegalEntityCode
}

func compileSegment(s tenancy.Segment) segment {
	return segment{
		id: s.ID, listed: s.When.Listed, legalEntity: s.When.LegalEntity,
		department: foldAll(s.When.Department), position: foldAll(s.When.Position), grade: foldAll(s.When.Grade),
	}
}

// has reports whether the employment is in the segment: by the roster's own
// column, or by the rule, each named field of which must have a named value. A
// segment without any rule has nobody by it.
func (s *segment) has(e tenancy.Employment) bool {
	if e.Segment == s.id {
		return true
	}
	if s.listed || len(s.department)+len(s.position)+len(s.grade)+len(s.legalEntity) == 0 {
		return false
	}
	return among(s.department, e.Department) && among(s.position, e.Position) && among(s.grade, e.Grade) &&
		(len(s.legalEntity) == 0 || slices.Contains(s.legalEntity, e.LegalEntity))
}

func among(folded []string, word string) bool {
	return len(folded) == 0 || slices.Contains(folded, fold(word))
}

func foldAll(words []string) []string {
	folded := make([]string, len(words))
	for i, w := range words {
		folded[i] = fold(w)
	}
	return folded
}

// fold makes words comparable as people read them: without case, ё as е,
// spaces folded. Both sides are in NFC already: catalogue and rosters are
// normalised where they are read.
func fold(word string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(word), " ")), "ё", "е")
}
