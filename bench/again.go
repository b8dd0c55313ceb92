package main

import (
	"context"
	"fmt"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
)

// benchAgain imports the list of everybody once more, whole, and then with one
// person in a hundred changed: married, promoted, with another telephone. The
// first must call nobody and write no person; the second may cost 1.3 times as
// much, beside the calls for those who changed.
func benchAgain(ctx context.Context, s stack, o *office) ([]result, error) {
	everybody := rostergen.Options{First: o.first, Rows: o.people - o.first}
	same, err := list(everybody)
	if err != nil {
		return nil, err
	}
	changes := 0
	changed, err := list(everybody, func(i int, p *rostergen.Person) {
		if i%100 == 50 {
			changes++
			p.Last, p.Position, p.Phone = "Новобрачная-"+p.Last, "Старший "+p.Position, "+7 900 000-00-00"
		}
	})
	if err != nil {
		return nil, err
	}
	unchanged, err := o.unchanged(ctx, s, same)
	if err != nil {
		return nil, err
	}
	altered, imp, err := o.run(ctx, o.whole(), changed)
	if err != nil {
		return nil, err
	}
	if imp.Ops != changes || imp.Counts.Update != changes || imp.Counts.Failed != 0 {
		return nil, fmt.Errorf("%d people have changed, the import says %d calls and %+v", changes, imp.Ops, imp.Counts)
	}
	note("one in a hundred changed: %v, %d changes", altered, imp.Ops)
	// The changed list is what we have now: once more, on the other side of the
	// changed one, so that a slow minute of the machine hits both.
	after, err := o.unchanged(ctx, s, changed)
	if err != nil {
		return nil, err
	}
	rows := float64(o.people - o.first)
	return []result{{
		What: fmt.Sprintf("rows of a list with 1 %% changed, its %d calls aside, %d people", imp.Ops, o.people-o.first), Opora: rows / (altered.planned + altered.apply).Seconds(),
		Rival: "rows of the same list unchanged", RivalRate: 2 * rows / (unchanged.whole() + after.whole()).Seconds(), Wanted: 1 / 1.3,
	}}, nil
}

// unchanged imports a list that says what we have and fails when that called
// Keycloak or wrote a person, an account or an employment.
func (o *office) unchanged(ctx context.Context, s stack, file []byte) (spent, error) {
	before, err := pgtest.Footprint(ctx, s.DatabaseURL)
	if err != nil {
		return spent{}, err
	}
	used, err := o.again(ctx, file)
	if err != nil {
		return used, err
	}
	after, err := pgtest.Footprint(ctx, s.DatabaseURL)
	if err == nil && after != before {
		err = fmt.Errorf("an unchanged list wrote rows of people: before\n%safter\n%s", before, after)
	}
	return used, err
}

func (o *office) again(ctx context.Context, file []byte) (spent, error) {
	used, imp, err := o.run(ctx, o.whole(), file)
	if err == nil && (imp.Ops != 0 || imp.Counts.Unchanged != o.people-o.first) {
		err = fmt.Errorf("nobody has changed, the import says %d calls and %+v", imp.Ops, imp.Counts)
	}
	note("unchanged: %v", used)
	return used, err
}

// whole is the mode of a list of everybody, so long as everybody is on it.
func (o *office) whole() roster.Mode {
	if o.first > 0 {
		return roster.Add
	}
	return roster.Full
}
