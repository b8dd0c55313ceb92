package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
)

// sizes are how much the measurement of rosters does.
type sizes struct {
	employees int // on each list of new people
	loop      int // made by each turn of the rival loop
	rounds    int // turns of each rival and of Opora
	sweep     int // users for each way of the raw rival
	first     int // number of the first person
	present   int // people in the realm for the second measurement; 0 leaves it out
}

// employeesGroup is where the imported employees go, and the rivals'.
const employeesGroup = "tenants/cdek/employees"

// office uploads lists of made-up people who never meet twice.
type office struct {
	hr, other hr  // the uploader, and who accepts what the brake holds
	first     int // number of the first person
	people    int // the number behind the last: the next list begins there
}

// benchRoster measures the way of a list into Keycloak against partial imports
// alone (the limit of its last stage) and against the plain loop of gocloak
// calls, all by turns in one run, with few people present and with many; then
// what a list costs that changes nothing, or one in a hundred.
func benchRoster(ctx context.Context, s stack, n sizes) ([]result, error) {
	raw := newRawImport(ctx, s)
	raw.made = n.first
	o := &office{hr: hrClient(ctx, s), other: newHR(ctx, s, s.HR2ID, s.HR2Secret), first: n.first, people: n.first}
	way, err := warmUp(ctx, s, raw, o, n)
	if err != nil {
		return nil, err
	}
	few, err := rates(ctx, s, raw, way, o, n)
	if err != nil {
		return nil, err
	}
	results := []result{
		{What: few.what("from apply to the last confirmed op"), Opora: few.stage, Rival: "partialImport alone, " + way.String(), RivalRate: few.raw, Wanted: 0.8},
		{What: few.what("file to Keycloak"), Opora: few.whole, Rival: "gocloak loop (create, group, role)", RivalRate: few.loop, Wanted: 6},
	}
	if n.present > 0 {
		long, err := fill(ctx, raw, o, n.present)
		if err != nil {
			return results, err
		}
		many, err := rates(ctx, s, raw, way, o, n)
		if err != nil {
			return results, err
		}
		if long.rows > 0 {
			results = append(results, result{What: fmt.Sprintf("file to Keycloak, a list of %d", long.rows), Opora: float64(long.rows) / long.whole().Seconds(),
				Rival: "gocloak loop (create, group, role)", RivalRate: max(few.loop, many.loop), Wanted: 6})
		}
		results = append(results,
			result{What: many.what("from apply to the last confirmed op"), Opora: many.stage, Rival: "partialImport alone, " + way.String(), RivalRate: many.raw, Wanted: 0.8},
			result{What: many.what("from apply to the last confirmed op"), Opora: many.stage, Rival: few.what("the same"), RivalRate: few.stage, Wanted: 0.8},
			result{What: many.what("partialImport alone"), Opora: many.raw, Rival: few.what("the same"), RivalRate: few.raw},
			// A short list pays for the comparison with everybody: nothing was promised.
			result{What: many.what("file to Keycloak"), Opora: many.whole, Rival: "gocloak loop (create, group, role)", RivalRate: many.loop})
	}
	again, err := benchAgain(ctx, s, o)
	if err != nil {
		return results, err
	}
	results = append(results, again...)
	if err := tellSingles(ctx, o, 1000); err != nil {
		return results, err
	}
	return results, raw.tellMembership(ctx, "cdek", 500)
}

// untilCounted is a little longer than autovacuum sleeps between its rounds.
const untilCounted = 75 * time.Second

// warmUp runs everything once, so that nobody is measured on a Keycloak that
// has not compiled its code, and finds the raw rival's best way.
func warmUp(ctx context.Context, s stack, raw *rawImport, o *office, n sizes) (rawWay, error) {
	if _, err := gocloakLoop(ctx, s, employeesGroup, 300); err != nil {
		return rawWay{}, fmt.Errorf("gocloak loop: %w", err)
	}
	if _, err := raw.run(ctx, 2000, rawWays[0]); err != nil {
		return rawWay{}, err
	}
	if _, err := o.importNew(ctx, 1000); err != nil {
		return rawWay{}, err
	}
	// Until Keycloak's PostgreSQL has counted its rows its plans are for empty
	// tables, each way slower than the one before it.
	note("waiting for autovacuum")
	time.Sleep(untilCounted)
	return raw.best(ctx, n.sweep)
}

// measured are the rates of all sides, per second, with so many people present
// in the realm when it began.
type measured struct {
	present                 int
	raw, loop, stage, whole float64
}

func (m measured) what(text string) string { return fmt.Sprintf("%s, %d present", text, m.present) }

// rates measures by turns: the raw rival, Opora, the loop.
func rates(ctx context.Context, s stack, raw *rawImport, way rawWay, o *office, n sizes) (m measured, err error) {
	if m.present, err = raw.count(ctx); err != nil {
		return m, err
	}
	var rawTook, stage, whole time.Duration
	for range n.rounds {
		before := stackUsage()
		took, err := raw.run(ctx, n.employees, way)
		if err != nil {
			return m, err
		}
		after := stackUsage()
		note("raw: %d users in %v; %s", n.employees, took.Round(time.Millisecond), after.per(before, n.employees))
		rawTook += took
		spent, err := o.importNew(ctx, n.employees)
		if err != nil {
			return m, err
		}
		note("Opora: %v", spent)
		stage, whole = stage+spent.stage, whole+spent.whole()
		loop, err := gocloakLoop(ctx, s, employeesGroup, n.loop)
		if err != nil {
			return m, fmt.Errorf("gocloak loop: %w", err)
		}
		note("gocloak loop: %.0f/s", loop)
		m.loop = max(m.loop, loop)
	}
	all := float64(n.rounds * n.employees)
	m.raw, m.stage, m.whole = all/rawTook.Seconds(), all/stage.Seconds(), all/whole.Seconds()
	return m, nil
}

// fill imports a list so long that so many people are in the realm, if they are
// not yet.
func fill(ctx context.Context, raw *rawImport, o *office, present int) (spent, error) {
	there, err := raw.count(ctx)
	if err != nil || there >= present {
		return spent{}, err
	}
	used, err := o.importNew(ctx, present-there)
	note("Opora, to %d people: %v", present, used)
	return used, err
}

// spent is where the time of one import went.
type spent struct {
	rows                  int
	planned, apply, stage time.Duration // upload to plan; the transaction; the ops
	used                  string        // processor time of the stage
}

func (s spent) whole() time.Duration { return s.planned + s.apply + s.stage }

func (s spent) String() string {
	return fmt.Sprintf("%d rows planned in %v, applied in %v, in Keycloak in %v (%.0f/s); %s", s.rows, s.planned.Round(time.Millisecond), s.apply.Round(time.Millisecond),
		s.stage.Round(time.Millisecond), float64(s.rows)/s.stage.Seconds(), s.used)
}

// importNew imports a list of n people nobody has seen.
func (o *office) importNew(ctx context.Context, n int) (spent, error) {
	file, err := list(rostergen.Options{First: o.people, Rows: n})
	if err != nil {
		return spent{}, err
	}
	o.people += n
	s, imp, err := o.run(ctx, roster.Add, file)
	if err == nil && (imp.Counts.Create != n || imp.Counts.Failed != 0) {
		err = fmt.Errorf("%d employees were to be made, the import says %+v", n, imp.Counts)
	}
	return s, err
}

// run uploads the list, has what the brake holds accepted, applies it and
// waits until it has been carried out.
func (o *office) run(ctx context.Context, mode roster.Mode, file []byte) (s spent, imp roster.Import, err error) {
	began := time.Now()
	if imp, err = o.hr.upload(ctx, "cdek", mode, file); err != nil {
		return s, imp, err
	}
	if imp, err = o.hr.await(ctx, imp.ID, roster.Planned, roster.Held); err != nil {
		return s, imp, err
	}
	s.rows, s.planned = imp.Counts.Rows, time.Since(began)
	if imp.State == roster.Held {
		if imp, err = o.accept(ctx, imp); err != nil {
			return s, imp, err
		}
	}
	began = time.Now()
	if err := o.hr.post(ctx, "/v1/imports/"+string(imp.ID)+"/apply", nil, &imp); err != nil {
		return s, imp, err
	}
	s.apply = time.Since(began)
	before := stackUsage()
	began = time.Now()
	if imp, err = o.hr.await(ctx, imp.ID, roster.Applied); err != nil {
		return s, imp, err
	}
	s.stage, s.used = time.Since(began), stackUsage().per(before, max(1, imp.Ops))
	return s, imp, nil
}

// accept is the second person, who accepts every finding.
func (o *office) accept(ctx context.Context, imp roster.Import) (roster.Import, error) {
	var accepted struct {
		Accept []string `json:"accept"`
	}
	for _, f := range imp.Findings {
		accepted.Accept = append(accepted.Accept, f.Code)
	}
	return imp, o.other.post(ctx, "/v1/imports/"+string(imp.ID)+"/approve", accepted, &imp)
}

// list writes a workbook of made-up people. Each has a surname of his own: among
// a hundred thousand some would have one name and one birthday, and be taken for
// one person with two jobs.
func list(o rostergen.Options, changes ...func(i int, p *rostergen.Person)) ([]byte, error) {
	o.Seed, o.Country, o.Domain = 7, "RU", "cdek.example"
	o.Faults = make(map[int]func(*rostergen.Person), o.Rows)
	for i := o.First; i < o.First+o.Rows; i++ {
		o.Faults[i] = func(p *rostergen.Person) {
			p.Last += "-" + surname(i)
			for _, change := range changes {
				change(i, p)
			}
		}
	}
	var file bytes.Buffer
	_, err := rostergen.Write(&file, o, rostergen.File{Format: "xlsx", Titles: true})
	return file.Bytes(), err
}

// surname spells a number below a million in syllables.
func surname(n int) string {
	const consonants, vowels = "БВГДЖЗКЛМНПРСТФХЦЧШЩ", "АЕИОУ"
	var name []rune
	for range 3 {
		name = append(name, []rune(consonants)[n/5%20], []rune(vowels)[n%5])
		n /= 100
	}
	return string(name[:1]) + strings.ToLower(string(name[1:]))
}

// note tells what is going on, beside the table.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
