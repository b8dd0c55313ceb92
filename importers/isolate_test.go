package importers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

const greedyCommand = "greedy"

// beGreedy takes memory under the worker's limits until it is ended.
func beGreedy() {
	if err := limitSelf(); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	var hoard [][]byte
	for {
		hoard = append(hoard, make([]byte, 64<<20)) // addresses are what is limited: they need not be touched
		if len(hoard) > 200 {
			os.Exit(4)
		}
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const idList = "Таб. №;ФИО;СНИЛС;Телефон\n1;Иванов Иван;112-233-445 95;12\n2;Петров Пётр;;\nИтого;;;\n"

func TestTheChildGivesWhatTheParserGives(t *testing.T) {
	path := writeFile(t, idList)
	opts := russianList()
	opts.IDKey = []byte("a key of the contour")
	collect := func(parse func(context.Context, string, Options, func(Record) error) (Summary, error)) (all []Record, s Summary) {
		s, err := parse(context.Background(), path, opts, func(r Record) error { all = append(all, r); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return all, s
	}
	here, hereSummary := collect(Parse)
	there, thereSummary := collect(ParseIsolated)
	if thereSummary.Cost.Peak < 1<<20 || thereSummary.Cost.Read <= 0 {
		t.Errorf("the child's cost did not come through: %+v", thereSummary.Cost)
	}
	hereSummary.Cost, thereSummary.Cost = Cost{}, Cost{}
	if !reflect.DeepEqual(hereSummary, thereSummary) {
		t.Errorf("summaries differ:\n%+v\n%+v", hereSummary, thereSummary)
	}
	if fmt.Sprintf("%+v", here) != fmt.Sprintf("%+v", there) {
		t.Errorf("records differ:\n%+v\n%+v", here, there)
	}
	if hash := there[1].Row.NationalIDHash; len(hash) != 64 {
		t.Errorf("the national id's hash did not come through: %q", hash)
	}
	text, err := there[1].MarshalJSON()
	if err != nil || strings.Contains(string(text), there[1].Row.NationalIDHash) || strings.Contains(string(text), "112") {
		t.Errorf("the public line holds the national id or its hash: %s %v", text, err)
	}
}

func TestTheChildTellsProblemsAndFailures(t *testing.T) {
	_, err := ParseIsolated(context.Background(), writeFile(t, "%PDF-1.7"), russianList(), nil)
	if p, ok := book.ProblemOf(err); !ok || p.Code != book.FileFormat {
		t.Errorf("got %v, want %s", err, book.FileFormat)
	}
	_, err = ParseIsolated(context.Background(), filepath.Join(t.TempDir(), "Иванов.xlsx"), russianList(), nil)
	if tenancy.KindOf(err) != tenancy.NotFound || strings.Contains(err.Error(), "Иванов") {
		t.Errorf("got %v, want not found without the file's name", err)
	}
}

func TestWhoStopsListeningEndsTheChild(t *testing.T) {
	path := writeFile(t, idList)
	enough := errors.New("enough")
	if _, err := ParseIsolated(context.Background(), path, russianList(), func(Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want the error of emit", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ParseIsolated(ctx, path, russianList(), func(Record) error { return nil }); err == nil {
		t.Error("a cancelled parse succeeded")
	}
}

func TestADyingChildIsAProblemOfTheFile(t *testing.T) {
	killed := exec.Command("sh", "-c", "kill -KILL $$").Run()
	if p, _ := book.ProblemOf(diedOn(context.Background(), killed)); p.Code != book.FileTooLarge {
		t.Errorf("killed: %v", p)
	}
	failed := exec.Command("sh", "-c", "exit 2").Run()
	if p, _ := book.ProblemOf(diedOn(context.Background(), failed)); p.Code != book.FileDamaged {
		t.Errorf("failed: %v", p)
	}
}

// plainBinary builds this test without the race detector, whose own mappings
// leave no room for a bound on addresses (see workerAddress) and multiply memory.
func plainBinary(t *testing.T) string {
	t.Helper()
	child := filepath.Join(t.TempDir(), "plain")
	if out, err := exec.Command("go", "test", "-c", "-race=false", "-o", child, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return child
}

func TestTheLimitsBite(t *testing.T) {
	cmd := exec.Command(plainBinary(t), greedyCommand)
	cmd.Env = []string{"GOTRACEBACK=none"}
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the greedy child ended with %v", err)
	}
	status := exit.ProcessState.Sys().(syscall.WaitStatus)
	if code := status.ExitStatus(); code == 3 || code == 4 {
		t.Errorf("the greedy child ended with status %d: the limits did not hold", code)
	}
}

func TestTheChildTellsHowFarItIs(t *testing.T) {
	var list strings.Builder
	list.WriteString("Таб. №;Фамилия;Имя\n")
	for n := range 3 * progressEvery {
		fmt.Fprintf(&list, "%d;Примеров;Иван\n", 1000+n)
	}
	var told []int
	records := 0
	opts := Options{Country: russia, Progress: func(lines int) {
		if told = append(told, lines); records > 0 {
			t.Error("it is told after the records have begun")
		}
	}}
	_, err := ParseIsolated(t.Context(), writeFile(t, list.String()), opts, func(Record) error { records++; return nil })
	if err != nil || !reflect.DeepEqual(told, []int{progressEvery, 2 * progressEvery, 3 * progressEvery}) {
		t.Errorf("%v %v", told, err)
	}
}
