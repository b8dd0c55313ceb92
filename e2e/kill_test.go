//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
)

// The kills are tried on a stack of their own: others must not lose theirs.
// OPORA_KILL_ROWS, _TIMES (for each process) and _SEED alter what is tried.
const killsInside = "OPORA_KILLS_INSIDE"

func TestKilledInTheMiddleOfAnApply(t *testing.T) {
	if os.Getenv("OPORA_TEST_LONG") == "" {
		t.Skip("kills a stack for minutes: part of make test-all")
	}
	if os.Getenv(killsInside) != "" {
		killInside(t)
		return
	}
	opora, err := exec.LookPath("opora")
	if err != nil {
		t.Fatalf("opora is not on PATH: run `make test-all`: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), opora, "dev", "--exec", os.Args[0]+" -test.run=^"+t.Name()+"$ -test.v -test.timeout=25m")
	cmd.Env = append(os.Environ(), killsInside+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("the run on its own stack failed: %v", err)
	}
}

// victims are the stack's processes that are killed, by what their command
// line holds.
var victims = map[string]string{
	"server":   "\x00serve\x00",
	"worker":   "\x00worker\x00",
	"Keycloak": "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
}

// kill is one process that is killed when so many ops are done.
type kill struct {
	victim string
	at     int
}

func killInside(t *testing.T) {
	rows, times, seed := number("OPORA_KILL_ROWS", 20_000), number("OPORA_KILL_TIMES", 3), uint64(number("OPORA_KILL_SEED", int(time.Now().UnixNano()%1_000_000)))
	t.Logf("%d rows, each process killed %d times, OPORA_KILL_SEED=%d", rows, times, seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	s := &apply{stack: newStack(t), client: tokenClient(t, need(t, "OPORA_REALM"), "HR_CDEK"), rows: rows}
	s.plan()
	s.applyThroughAKill(chance)
	for _, k := range killPlan(chance, rows, times) {
		s.waitFor(k)
		s.strike(k.victim)
	}
	s.waitForTheEnd()
	s.compare()
}

func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// killPlan draws when whom: each victim as often, in any order, all before the
// last twentieth of the work.
func killPlan(chance *rand.Rand, rows, times int) (plan []kill) {
	for victim := range victims {
		for range times {
			plan = append(plan, kill{victim: victim})
		}
	}
	slices.SortFunc(plan, func(a, b kill) int { return cmp.Compare(a.victim, b.victim) }) // a map has no order
	chance.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	var at []int
	for range plan {
		at = append(at, rows/50+chance.IntN(rows*9/10))
	}
	slices.Sort(at)
	for i := range plan {
		plan[i].at = at[i]
	}
	return plan
}

// apply is an import on its way through the kills.
type apply struct {
	*stack
	client *http.Client
	rows   int
	id     roster.ImportID
}

// tokenClient sends a ready-made client's token, renewed as needed.
func tokenClient(t *testing.T, realm, name string) *http.Client {
	t.Helper()
	config := clientcredentials.Config{
		ClientID: need(t, name+"_CLIENT_ID"), ClientSecret: need(t, name+"_CLIENT_SECRET"),
		TokenURL: need(t, "KEYCLOAK_URL") + "/realms/" + realm + "/protocol/openid-connect/token",
	}
	return config.Client(context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: time.Minute}))
}

// ask is a call that may find its server dead.
func (a *apply) ask(method, path, contentType string, body []byte) (i roster.Import, err error) {
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.opora+path, bytes.NewReader(body))
	if err != nil {
		return i, err
	}
	req.Header.Set("Content-Type", contentType)
	answer, err := a.client.Do(req)
	if err != nil {
		return i, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return i, err
	}
	if answer.StatusCode >= 300 {
		return i, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, b)
	}
	return i, json.Unmarshal(b, &i)
}

// look reads the import, however long that takes.
func (a *apply) look() roster.Import {
	a.t.Helper()
	return a.until("the import can be read", func() (roster.Import, error) {
		return a.ask(http.MethodGet, "/v1/imports/"+string(a.id), "", nil)
	})
}

// until tries again until there is no error, for two minutes.
func (a *apply) until(what string, try func() (roster.Import, error)) roster.Import {
	a.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		i, err := try()
		if err == nil {
			return i
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("it never came about that %s: %v", what, err)
		}
	}
}

// plan uploads the list and waits for its plan.
func (a *apply) plan() {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("mode", string(roster.Add))
	part, _ := form.CreateFormFile("file", "roster.csv")
	people := rostergen.Options{Rows: a.rows, Seed: 5, Country: "RU", Domain: "cdek.example", Faults: map[int]func(*rostergen.Person){}}
	for i := range a.rows { // nobody shares a name and a birthday with another
		people.Faults[i] = func(p *rostergen.Person) { p.Last += "-" + strings.Repeat("А", 1+i/1000) + letters(i%1000) }
	}
	if _, err := rostergen.Write(part, people, rostergen.File{Format: "csv"}); err != nil {
		a.t.Fatal(err)
	}
	_ = form.Close()
	i, err := a.ask(http.MethodPost, "/v1/tenants/cdek/imports", form.FormDataContentType(), body.Bytes())
	if err != nil {
		a.t.Fatal(err)
	}
	a.id = i.ID
	i = a.until("the import is planned", func() (roster.Import, error) {
		if i := a.look(); i.State != roster.Planned {
			return i, fmt.Errorf("it is %s: %+v", i.State, i.Findings)
		}
		return a.look(), nil
	})
	if i.Counts.Create != a.rows {
		a.t.Fatalf("%d rows, and the plan is %+v", a.rows, i.Counts)
	}
}

func letters(n int) string {
	return string([]rune("абвгдежзик")[n/100]) + string([]rune("абвгдежзик")[n/10%10]) + string([]rune("абвгдежзик")[n%10])
}

// applyThroughAKill asks for the apply, kills the server while it is being
// written, and asks again.
func (a *apply) applyThroughAKill(chance *rand.Rand) {
	a.t.Helper()
	path := "/v1/imports/" + string(a.id) + "/apply"
	first := make(chan error, 1)
	go func() {
		_, err := a.ask(http.MethodPost, path, "application/json", nil)
		first <- err
	}()
	time.Sleep(100*time.Millisecond + time.Duration(chance.Int64N(int64(500*time.Millisecond))))
	select {
	case err := <-first:
		a.t.Fatalf("the apply ended before its server could be killed, the fault did not strike: %v", err)
	default:
	}
	a.strike("server")
	if err := <-first; err == nil {
		a.t.Error("the apply of a killed server was answered")
	}
	i := a.until("the import is applying", func() (roster.Import, error) { return a.ask(http.MethodPost, path, "application/json", nil) })
	a.t.Logf("the server was killed while it wrote; asked again: %s, %d calls", i.State, i.Ops)
}

// waitFor waits until so many ops are done; if all are, the fault cannot strike.
func (a *apply) waitFor(k kill) {
	a.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		switch i := a.look(); {
		case i.State != roster.Applying:
			a.t.Fatalf("the import is %s with %d of %d done: %s cannot be killed in its middle any more", i.State, i.Done, i.Ops, k.victim)
		case i.Done >= k.at:
			a.t.Logf("%d of %d done: kill -9 of the %s", i.Done, i.Ops, k.victim)
			return
		case time.Now().After(deadline):
			a.t.Fatalf("nothing goes on: %d of %d done", i.Done, i.Ops)
		}
	}
}

// strike kills the process and waits until the stack has started another.
func (a *apply) strike(victim string) {
	a.t.Helper()
	pid := find(a.t, victims[victim], 0)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		a.t.Fatalf("the %s could not be killed: %v", victim, err)
	}
	find(a.t, victims[victim], pid)
}

// find returns the process of our stack with the mark on its command line that
// is not the one before; it waits for it.
func find(t *testing.T, mark string, before int) int {
	t.Helper()
	const variable = "OPORA_DEV_STACKS"
	stacks := []byte("\x00" + variable + "=" + need(t, variable) + "\x00")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			if pid == before || !bytes.Contains(line, []byte(mark)) {
				continue
			}
			environment, _ := os.ReadFile(filepath.Join(dir, "environ"))
			if bytes.Contains(append(append([]byte{0}, environment...), 0), stacks) {
				return pid
			}
		}
	}
	t.Fatalf("no process with %q on its command line beside %d", mark, before)
	return 0
}

func (a *apply) waitForTheEnd() {
	a.t.Helper()
	began := time.Now()
	for i := a.look(); i.State != roster.Applied; i = a.look() {
		if i.State != roster.Applying || time.Since(began) > 10*time.Minute {
			a.t.Fatalf("the import is %s, %d of %d done", i.State, i.Done, i.Ops)
		}
		time.Sleep(200 * time.Millisecond)
	}
	i := a.look()
	a.t.Logf("applied %v after the last kill: %+v, %d of %d", time.Since(began).Round(time.Second), i.Counts, i.Done, i.Ops)
	if i.Done != a.rows || i.Ops != a.rows || i.Counts.Failed != 0 {
		a.t.Errorf("%d of %d calls for %d rows, %d refused: %+v", i.Done, i.Ops, a.rows, i.Counts.Failed, i.Problems)
	}
}

// compare sets PostgreSQL and Keycloak side by side, id by id.
func (a *apply) compare() {
	a.t.Helper()
	ours, err := pgtest.People(a.t.Context(), need(a.t, "DATABASE_URL"), "cdek")
	if err != nil {
		a.t.Fatal(err)
	}
	if ours.Accounts != a.rows || len(ours.Enabled) != a.rows || ours.Employments != a.rows || ours.Open != 0 || ours.Twice != 0 {
		a.t.Errorf("PostgreSQL has %d accounts with %d ids and %d employments for %d rows, %d open calls, %d people with two",
			ours.Accounts, len(ours.Enabled), ours.Employments, a.rows, ours.Open, ours.Twice)
	}
	k := realmAdmin{t: a.t, client: tokenClient(a.t, "master", "KEYCLOAK_ADMIN"), base: a.keycloak + "/admin/realms/" + a.realm}
	theirs, seen := k.members("tenants/cdek/employees")
	var missing, stray, differ int
	for id, enabled := range ours.Enabled {
		switch may, there := theirs[id]; {
		case !there:
			missing++
		case may != enabled:
			differ++
		}
	}
	for id := range theirs {
		if _, ok := ours.Enabled[id]; !ok {
			stray++
		}
	}
	all := k.count()
	a.t.Logf("PostgreSQL: %d accounts; Keycloak: %d members with %d ids, %d users in the realm; %d missing, %d stray, %d with another enabled", ours.Accounts, seen, len(theirs), all, missing, stray, differ)
	if missing+stray+differ > 0 || seen != a.rows || len(theirs) != a.rows || all != a.rows {
		a.t.Error("PostgreSQL and Keycloak do not hold the same people, each once")
	}
}

// realmAdmin reads the realm with the rights of the development stack's own client.
type realmAdmin struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (k realmAdmin) get(path string, out any) {
	k.t.Helper()
	answer, err := k.client.Get(k.base + path)
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		k.t.Fatalf("%s: %s", path, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		k.t.Fatal(err)
	}
}

func (k realmAdmin) count() (n int) {
	k.t.Helper()
	k.get("/users/count", &n)
	return n
}

// members returns the members of a group by id, whether each may sign in, and
// how many entries the lists had.
func (k realmAdmin) members(group string) (enabled map[string]bool, seen int) {
	k.t.Helper()
	var g struct{ ID string }
	k.get("/group-by-path/"+group, &g)
	enabled = map[string]bool{}
	const page = 1000
	for {
		var users []struct {
			ID      string
			Enabled bool
		}
		k.get(fmt.Sprintf("/groups/%s/members?briefRepresentation=true&first=%d&max=%d", g.ID, seen, page), &users)
		for _, u := range users {
			seen++
			enabled[u.ID] = u.Enabled
		}
		if len(users) < page {
			return enabled, seen
		}
	}
}
