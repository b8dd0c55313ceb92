package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

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
	altered, imp, err := o.run(ctx, roster.Add, changed)
	if err != nil {
		return nil, err
	}
	if imp.Ops != changes || imp.Counts.Update != changes || imp.Counts.Failed != 0 {
		return nil, fmt.Errorf("%d people have changed, the import says %d calls and %+v", changes, imp.Ops, imp.Counts)
	}
	note("one in a hundred changed: %v, %d changes", altered, imp.Ops)
	rows := float64(o.people - o.first)
	return []result{{
		What: fmt.Sprintf("rows of a list with 1 %% changed, its %d calls aside, %d people", imp.Ops, o.people-o.first), Opora: rows / (altered.planned + altered.apply).Seconds(),
		Rival: "rows of the same list unchanged", RivalRate: rows / unchanged.whole().Seconds(), Wanted: 1 / 1.3,
	}}, nil
}

// unchanged imports a list that says what we have and fails when that called
// Keycloak or wrote a person, an account or an employment.
func (o *office) unchanged(ctx context.Context, s stack, file []byte) (spent, error) {
	before, err := peopleWritten(ctx, s)
	if err != nil {
		return spent{}, err
	}
	used, err := o.again(ctx, file)
	if err != nil {
		return used, err
	}
	after, err := peopleWritten(ctx, s)
	if err == nil && after != before {
		err = fmt.Errorf("an unchanged list wrote rows of people: before\n%safter\n%s", before, after)
	}
	return used, err
}

func (o *office) again(ctx context.Context, file []byte) (spent, error) {
	used, imp, err := o.run(ctx, roster.Add, file)
	if err == nil && (imp.Ops != 0 || imp.Counts.Unchanged != o.people-o.first) {
		err = fmt.Errorf("nobody has changed, the import says %d calls and %+v", imp.Ops, imp.Counts)
	}
	note("unchanged: %v", used)
	return used, err
}

// peopleWritten returns a digest of where the rows about people lie and which
// transaction wrote each: an update of any, even to the same values, alters it.
func peopleWritten(ctx context.Context, s stack) (digest string, err error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET ROLE opora_contour`); err != nil {
		return "", err
	}
	for _, table := range []string{"person", "account", "employment", "op", "person_history", "account_history", "employment_history"} {
		var part string
		err := conn.QueryRow(ctx, `SELECT count(*) || ' ' || coalesce(sum(hashtext(t.ctid::text || t.xmin::text)::bigint), 0) FROM `+table+` t`).Scan(&part)
		if err != nil {
			return "", fmt.Errorf("table %s: %w", table, err)
		}
		digest += table + " " + part + "\n"
	}
	return digest, nil
}
