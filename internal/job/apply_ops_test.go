package job

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
)

// asked are ops of which only those are free that it is told of; it notes what
// it was asked for.
type asked struct {
	Ops
	free   []int64
	behind []int64
}

func (a *asked) ClaimOps(_ context.Context, c OpClaim) (ops []Op, open int, err error) {
	a.behind = append(a.behind, c.Behind)
	for _, id := range a.free {
		if id > c.Behind && len(ops) < c.Most {
			ops = append(ops, Op{ID: id})
		}
	}
	a.free = slices.DeleteFunc(a.free, func(id int64) bool { return id > c.Behind && id <= c.Behind+int64(c.Most) })
	return ops, len(a.free), nil
}

// TestAClaimLooksBehindTheLastOneAndThenAtAll also holds for ops that become
// free again before the place that the claims have come to.
func TestAClaimLooksBehindTheLastOneAndThenAtAll(t *testing.T) {
	ops := &asked{}
	for id := range int64(sliceSize + 1) {
		ops.free = append(ops.free, id+1)
	}
	w := &applyOps{ops: ops}
	var behind atomic.Int64
	var sizes []int
	claim := func() {
		claimed, _, err := w.claim(t.Context(), ApplyOps{}, "", &behind)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(claimed))
	}
	claim()
	claim()
	ops.free = []int64{7} // its answer was lost, and it has waited
	claim()
	claim()
	if !slices.Equal(sizes, []int{sliceSize, 1, 1, 0}) || !slices.Equal(ops.behind, []int64{0, sliceSize, sliceSize + 1, 0, 7, 0}) {
		t.Errorf("claims of %v ops, behind %v", sizes, ops.behind)
	}
}
