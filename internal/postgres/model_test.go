package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// TestRandomLists plays HR departments that hire, rename, move and dismiss
// people at random, send lists of any kind of what they have, forget rows, give
// numbers to others, and approve, cancel and undo as they please. After each
// step what must always hold is looked at: the methods named must… and check.
// OPORA_TEST_SEED plays one game alone; with OPORA_TEST_LONG there are many.
func TestRandomLists(t *testing.T) {
	seeds, steps := []uint64{1, 2}, 12
	if os.Getenv("OPORA_TEST_LONG") != "" {
		seeds, steps = nil, 40
		for seed := range uint64(24) {
			seeds = append(seeds, seed+100)
		}
	}
	if s, err := strconv.ParseUint(os.Getenv("OPORA_TEST_SEED"), 10, 64); err == nil {
		seeds, steps = []uint64{s}, 40
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			g := newGame(t, seed)
			for range steps {
				g.turn()
				g.check()
			}
		})
	}
}

// human is a real person, whoever the lists make of him.
type human struct {
	last, first string
	born        string // nobody else's
	snils       string
	email       string
	jobs        []occupation
}

type occupation struct {
	entity, no, department, left string
}

// game is one play: the humans as HR knows them, and the office that is told.
type game struct {
	*story
	rnd     *rand.Rand
	humans  []*human
	free    []occupation // of those who have left: their numbers may be given again
	born    int
	pending []roster.ImportID
	past    []roster.ImportID // applied, the latest last
	stack   []applied         // the latest of these, of which nothing was taken back nor has a day passed since
	log     []string
}

// applied is an import and what it found.
type applied struct {
	id     roster.ImportID
	before string
}

func newGame(t *testing.T, seed uint64) *game {
	rnd := rand.New(rand.NewPCG(seed, 7))
	comment := ""
	if rnd.IntN(3) == 0 {
		comment = "absent_times: 2"
	}
	g := &game{story: newStory(t, comment), rnd: rnd}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(g.log, "\n"))
		}
	})
	for range 6 {
		g.hire()
	}
	return g
}

func (g *game) say(format string, args ...any) { g.log = append(g.log, fmt.Sprintf(format, args...)) }

// turn is one thing that happens.
func (g *game) turn() {
	for range g.rnd.IntN(4) {
		g.live()
	}
	switch n := g.rnd.IntN(20); {
	case n < 14:
		g.list()
	case n == 14 && len(g.pending) > 0:
		g.later()
	case n == 15 && len(g.past) > 0:
		g.stack = nil
		g.takeBack(g.past[g.rnd.IntN(len(g.past))], "")
	case n == 16:
		for range 1 + g.rnd.IntN(4) {
			g.takeBackLast()
		}
	case n == 17:
		g.stack = nil
		days := 1 + g.rnd.IntN(3)
		g.say("%d days", days)
		g.pass(days)
		for _, h := range g.humans {
			for i, j := range h.jobs {
				if d, err := tenancy.ParseDate(j.left); err == nil {
					h.jobs[i].left = d.AddDays(-days).String()
				}
			}
		}
	default:
		g.list()
	}
}

// live changes one human.
func (g *game) live() {
	h := g.humans[g.rnd.IntN(len(g.humans))]
	switch g.rnd.IntN(9) {
	case 0:
		g.hire()
	case 1:
		if h.snils != "" { // nothing else says of a new name under a new number whose it is
			h.last = g.name("Новая")
		}
	case 2:
		if len(h.jobs) > 0 {
			g.quit(h, g.rnd.IntN(len(h.jobs)))
		}
	case 3, 4: // another number, or a second job, or back again
		if len(h.jobs) > 0 && g.rnd.IntN(2) == 0 {
			g.quit(h, 0)
		}
		h.jobs = append(h.jobs, g.job())
	case 5:
		if len(h.jobs) > 0 {
			h.jobs[0].department = "Отдел " + strconv.Itoa(g.rnd.IntN(3))
		}
	case 6:
		h.email = fmt.Sprintf("p%d@cdek.example", g.rnd.IntN(1000))
	case 7:
		if len(h.jobs) > 0 {
			h.jobs[0].left = g.today.AddDays(g.rnd.IntN(9) - 4).String()
		}
	case 8:
		if len(h.jobs) > 0 {
			h.jobs[0].left = ""
		}
	}
}

func (g *game) hire() {
	g.born++
	h := &human{last: g.name("Примерова"), first: "Анна", born: tenancy.NewDate(1970, 1, 1).AddDays(g.born).String(), jobs: []occupation{g.job()}}
	if g.rnd.IntN(2) == 0 {
		h.snils = snils(g.born)
	}
	g.humans = append(g.humans, h)
}

func (g *game) name(stem string) string { return stem + letters(g.rnd.IntN(800)) }

// snils is a valid number, another for each n.
func snils(n int) string {
	digits := fmt.Sprintf("%09d", 100_000_000+n*7)
	sum := 0
	for i, d := range digits {
		sum += int(d-'0') * (9 - i)
	}
	return fmt.Sprintf("%s%02d", digits, sum%101%100)
}

// job is a new one, under a number that is new or has become free.
func (g *game) job() occupation {
	if len(g.free) > 0 && g.rnd.IntN(3) == 0 {
		i := g.rnd.IntN(len(g.free))
		j := g.free[i]
		g.free = slices.Delete(g.free, i, i+1)
		j.left = ""
		return j
	}
	g.born++
	return occupation{entity: []string{"global", "north"}[g.rnd.IntN(2)], no: strconv.Itoa(1000 + g.born), department: "Отдел 1"}
}

func (g *game) quit(h *human, i int) {
	g.free = append(g.free, h.jobs[i])
	h.jobs = slices.Delete(h.jobs, i, i+1)
}

// listed is a row of a list that was sent.
type listed struct {
	h *human
	j occupation
}

// list sends a list of what HR has, or what it remembers of that.
func (g *game) list() {
	mode := []roster.Mode{roster.Full, roster.Full, roster.Add, roster.Leavers}[g.rnd.IntN(4)]
	entity := []string{"", "global", "north"}[g.rnd.IntN(3)]
	forget := []int{0, 0, 10, 50}[g.rnd.IntN(4)]
	if mode != roster.Full {
		forget = 60
	}
	rows := []string{"Табельный номер;Фамилия;Имя;Email;Отдел;Дата рождения;Дата увольнения;СНИЛС;Организация"}
	var sent []listed
	for _, h := range g.humans {
		for _, j := range h.jobs {
			if entity != "" && j.entity != entity || g.rnd.IntN(100) < forget {
				continue
			}
			company := map[string]string{"global": "ООО Глобал", "north": "ООО Север"}[j.entity]
			rows = append(rows, strings.Join([]string{j.no, h.last, h.first, h.email, j.department, h.born, j.left, h.snils, company}, ";"))
			sent = append(sent, listed{h, j})
		}
	}
	if len(sent) == 0 {
		return
	}
	file := strings.Join(rows, "\n") + "\n"
	i := g.send(mode, entity, file)
	g.say("%s %s %s\n%s  %s %+v", i.ID, mode, entity, file, i.State, i.Counts)
	for _, p := range i.Problems {
		if p.Code != "contact_missing" {
			g.say("  %d %s %s", p.Line, p.Code, p.Field)
		}
	}
	g.mustAddUp(i, len(sent))
	if g.rnd.IntN(8) == 0 && (i.State == roster.Planned || i.State == roster.Held) {
		g.pending = append(g.pending, i.ID)
		return
	}
	before := g.snapshot()
	i = g.carryOut(i.ID)
	g.stack = append(g.stack, applied{i.ID, before})
	if mode != roster.Leavers {
		g.mustBeHere(i, sent)
	}
	if g.rnd.IntN(3) == 0 {
		g.mustBeNothing(mode, entity, file)
	}
	if g.rnd.IntN(4) == 0 {
		g.takeBackLast()
	}
}

// mustBeNothing: the same list once more changes nothing.
func (g *game) mustBeNothing(mode roster.Mode, entity, file string) {
	g.t.Helper()
	again := g.send(mode, entity, file)
	if c := again.Counts; c.Create+c.Update+c.Move+c.Leave+c.Return > 0 {
		changes, _ := g.Changes(g.t.Context(), hr, again.ID, 0, 100)
		g.t.Fatalf("the same list again: %+v %+v", c, changes)
	}
	if _, err := g.Cancel(g.t.Context(), hr, again.ID); err != nil {
		g.t.Fatal(err)
	}
}

// takeBackLast undoes the import that was applied last: all is as it was before.
func (g *game) takeBackLast() {
	g.t.Helper()
	if len(g.stack) == 0 {
		return
	}
	last := g.stack[len(g.stack)-1]
	g.stack = g.stack[:len(g.stack)-1]
	g.takeBack(last.id, last.before)
}

func (g *game) send(mode roster.Mode, entity, file string) roster.Import {
	g.t.Helper()
	made, err := g.Receive(g.t.Context(), hr, postgres.Upload{Tenant: "cdek", Mode: mode, LegalEntity: tenancy.LegalEntityCode(entity), File: strings.NewReader(file)})
	if err != nil {
		g.t.Fatal(err)
	}
	if err := job.Parse(g.t.Context(), g.Rosters, made.ID); err != nil && !errors.Is(err, job.ErrBusy) {
		g.t.Fatal(err)
	}
	return g.wait(made.ID, func(i roster.Import) bool { return i.State != roster.Received && i.State != roster.Parsing })
}

// mustAddUp: every row of the list becomes exactly one thing.
func (g *game) mustAddUp(i roster.Import, rows int) {
	g.t.Helper()
	if i.State == roster.Failed {
		g.t.Fatalf("%+v", i)
	}
	changes, err := g.Changes(g.t.Context(), hr, i.ID, 0, 1000)
	if err != nil {
		g.t.Fatal(err)
	}
	of := 0
	for _, c := range changes {
		if c.Line > 0 {
			of++
		}
	}
	c := i.Counts
	if c.Rows != rows || of+c.Unchanged+c.Rejected+c.Held != rows || c.Create+c.Update+c.Move+c.Leave+c.Return != len(changes) {
		g.t.Fatalf("%d rows, %d changes of rows, %d changes: %+v", rows, of, len(changes), c)
	}
}

// carryOut applies an import, with a second person's approval where it is held.
func (g *game) carryOut(id roster.ImportID) roster.Import {
	g.t.Helper()
	for range 4 {
		i := g.read(id)
		if i.State == roster.Held {
			if g.rnd.IntN(4) == 0 { // its dated leaves pass
				_, err := g.Apply(g.t.Context(), hr, id)
				if c := code(err); c != "import_held" && c != "plan_stale" {
					g.t.Fatal(err)
				}
				i = g.read(id)
			}
			var codes []string
			for _, f := range i.Findings {
				codes = append(codes, f.Code)
			}
			if i.State == roster.Held {
				if _, err := g.Approve(g.t.Context(), hr2, id, codes); err != nil && code(err) != "plan_stale" {
					g.t.Fatal(err)
				}
			}
			continue
		}
		if _, err := g.Apply(g.t.Context(), hr, id); err != nil {
			if code(err) == "plan_stale" {
				continue
			}
			g.t.Fatal(err)
		}
		i = g.wait(id, func(i roster.Import) bool { return i.Done == i.Ops && i.State != roster.Applying })
		if i.State != roster.Applied || i.Counts.Failed > 0 {
			g.t.Fatalf("%+v", i)
		}
		g.past = append(g.past, id)
		g.say("applied %s", id)
		return i
	}
	g.t.Fatalf("never applied: %+v", g.read(id))
	return roster.Import{}
}

// later ends an import that has waited.
func (g *game) later() {
	n := g.rnd.IntN(len(g.pending))
	id := g.pending[n]
	g.pending = slices.Delete(g.pending, n, n+1)
	if g.rnd.IntN(3) == 0 {
		g.say("cancel %s", id)
		if _, err := g.Cancel(g.t.Context(), hr, id); err != nil {
			g.t.Fatal(err)
		}
		return
	}
	g.say("apply %s late", id)
	g.stack = nil
	g.carryOut(id)
}

// takeBack undoes an import. before is what must be again, when nothing else
// was applied since; "" when something was.
func (g *game) takeBack(id roster.ImportID, before string) {
	report, err := g.Undo(g.t.Context(), hr, id)
	if err != nil {
		g.t.Fatal(err)
	}
	g.say("undo %s: %d reversed, %d kept, %d failed", id, len(report.Reversed), len(report.Kept), len(report.Failed))
	g.wait(id, func(i roster.Import) bool { return i.Done == i.Ops })
	if before == "" {
		return
	}
	if len(report.Kept)+len(report.Failed) > 0 {
		g.t.Fatalf("kept %+v, failed %+v", report.Kept, report.Failed)
	}
	if d := cmp.Diff(strings.Split(before, "\n"), strings.Split(g.snapshot(), "\n")); d != "" {
		g.t.Fatalf("undone (-before +after)\n%s", d)
	}
}

// snapshot is all that the database has of everybody.
func (g *game) snapshot() (all string) {
	g.t.Helper()
	err := g.db.ReadTenant(g.t.Context(), "cdek", func(tx pgx.Tx) error {
		return tx.QueryRow(g.t.Context(), `
			SELECT concat_ws(E'\n',
				(SELECT string_agg(((to_jsonb(p) - 'import_id' - 'import_ids' - 'updated_at' - 'changed_at') || to_jsonb(a))::text, E'\n' ORDER BY p.id) FROM person p JOIN account a ON a.tenant = p.tenant AND a.id = p.id),
				(SELECT string_agg((to_jsonb(e) - 'import_id' - 'updated_at' - 'changed_at')::text, E'\n' ORDER BY e.id) FROM employment e))`).Scan(&all)
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

// mustBeHere: whom the list showed, and who was not held, works here under the
// number, as himself, and may sign in.
func (g *game) mustBeHere(i roster.Import, sent []listed) {
	g.t.Helper()
	passed := map[int]bool{}
	for _, p := range i.Problems {
		if p.Severity == tenancy.SeverityError {
			passed[p.Line] = true
		}
	}
	for n, row := range sent {
		left, _ := tenancy.ParseDate(row.j.left)
		if passed[n+2] || row.j.left != "" && left.Before(g.today) {
			continue
		}
		var born string
		var works, enabled bool
		err := g.db.ReadTenant(g.t.Context(), "cdek", func(tx pgx.Tx) error {
			return tx.QueryRow(g.t.Context(), `
				SELECT coalesce(p.birth_date::text, ''), e.left_on IS NULL OR e.left_on >= $3, a.enabled FROM employment e JOIN person p ON p.id = e.person_id JOIN account a ON a.id = p.id
				WHERE e.legal_entity = $1 AND e.employee_key = $2 AND e.released_at IS NULL`, row.j.entity, row.j.no, g.today.String()).Scan(&born, &works, &enabled)
		})
		if err != nil || born != row.h.born || !works || !enabled {
			g.t.Fatalf("line %d: %v, born %s for %s, works %v, may sign in %v", n+2, err, born, row.h.born, works, enabled)
		}
	}
}

// check is what holds at any time.
func (g *game) check() {
	g.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); g.count(`SELECT count(*) FROM op WHERE ended_at IS NULL`) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatal("ops stay open")
		}
	}
	for what, query := range map[string]string{
		"somebody exists twice":                            `SELECT count(*) FROM (SELECT birth_date FROM person GROUP BY birth_date HAVING count(*) > 1) x`,
		"a person without exactly one account":             `SELECT count(*) FROM person p FULL JOIN account a ON a.tenant = p.tenant AND a.id = p.id WHERE a.id IS NULL OR p.id IS NULL`,
		"a person without any employment":                  `SELECT count(*) FROM person p WHERE NOT EXISTS (SELECT FROM employment e WHERE e.tenant = p.tenant AND e.person_id = p.id)`,
		"two who have a number":                            `SELECT count(*) FROM (SELECT 1 FROM employment WHERE released_at IS NULL GROUP BY legal_entity, employee_key HAVING count(*) > 1) x`,
		"somebody who works and may not sign in":           `SELECT count(*) FROM account a WHERE NOT enabled AND EXISTS (SELECT FROM employment e WHERE e.tenant = a.tenant AND e.person_id = a.id AND (e.left_on IS NULL OR e.left_on > '` + g.today.String() + `'))`,
		"somebody who has left and may sign in":            `SELECT count(*) FROM account a WHERE enabled AND NOT EXISTS (SELECT FROM employment e WHERE e.tenant = a.tenant AND e.person_id = a.id AND (e.left_on IS NULL OR e.left_on >= '` + g.today.String() + `'))`,
		"a number given up by somebody who works under it": `SELECT count(*) FROM employment WHERE released_at IS NOT NULL AND (left_on IS NULL OR left_on > '` + g.today.String() + `')`,
		"a folded name that is not the person's":           `SELECT count(*) FROM person WHERE split_part(search, ' ', 1) <> lower(last_name)`,
		"an import that stays":                             `SELECT count(*) FROM import WHERE state IN ('received', 'parsing', 'applying', 'failed')`,
	} {
		if n := g.count(query); n > 0 {
			g.t.Fatalf("%s: %d\n%s", what, n, g.snapshot())
		}
	}
	g.mustBeInKeycloak()
}

// mustBeInKeycloak: what Keycloak has is what the database says.
func (g *game) mustBeInKeycloak() {
	g.t.Helper()
	wanted := map[tenancy.EmployeeID]bool{}
	err := g.db.ReadTenant(g.t.Context(), "cdek", func(tx pgx.Tx) error {
		rows, err := tx.Query(g.t.Context(), `SELECT id::text, enabled FROM account`)
		if err != nil {
			return err
		}
		var id tenancy.EmployeeID
		var enabled bool
		_, err = pgx.ForEachRow(rows, []any{&id, &enabled}, func() error { wanted[id] = enabled; return nil })
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	for id, enabled := range wanted {
		if a, ok := g.account(id); !ok || a.Enabled != enabled {
			g.t.Fatalf("account %s: there %v, enabled %v for %v", id, ok, a.Enabled, enabled)
		}
	}
}
