package main

import (
	"context"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
)

// tellSingles tells the rates of what Keycloak takes one account at a time:
// names that change, people who leave, who come back, and accounts that an undo
// removes. Nothing was promised of them, so they stand beside the table.
func tellSingles(ctx context.Context, o *office, n int) error {
	staff := rostergen.Options{First: o.people, Rows: n}
	if _, err := o.importNew(ctx, n); err != nil {
		return err
	}
	rename := func(_ int, p *rostergen.Person) { p.Last = "Новобрачная-" + p.Last }
	for _, step := range []struct {
		what   string
		mode   roster.Mode
		change []func(int, *rostergen.Person)
	}{
		{"change their names", roster.Add, []func(int, *rostergen.Person){rename}},
		{"leave", roster.Leavers, []func(int, *rostergen.Person){rename}},
		{"come back", roster.Add, []func(int, *rostergen.Person){rename}},
	} {
		file, err := list(staff, step.change...)
		if err != nil {
			return err
		}
		used, imp, err := o.run(ctx, step.mode, file)
		if err != nil {
			return err
		}
		note("%d people %s: %d calls, %d failed, %.0f/s; %s", n, step.what, imp.Ops, imp.Counts.Failed, float64(imp.Ops)/used.stage.Seconds(), used.used)
	}
	return o.tellUndo(ctx, n)
}

// tellUndo imports new people and takes them back.
func (o *office) tellUndo(ctx context.Context, n int) error {
	file, err := list(rostergen.Options{First: o.people, Rows: n})
	if err != nil {
		return err
	}
	o.people += n
	_, imp, err := o.run(ctx, roster.Add, file)
	if err != nil {
		return err
	}
	var report struct {
		Import roster.Import `json:"import"`
	}
	if err := o.hr.post(ctx, "/v1/imports/"+string(imp.ID)+"/undo", nil, &report); err != nil {
		return err
	}
	before, began := stackUsage(), time.Now()
	for imp.Done < 2*n && time.Since(began) < 5*time.Minute {
		if imp, err = o.hr.await(ctx, imp.ID, roster.Undone); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	note("%d people are taken back: %d of %d calls, %.0f/s; %s", n, imp.Done-n, imp.Ops-n, float64(imp.Done-n)/time.Since(began).Seconds(), stackUsage().per(before, n))
	return nil
}
