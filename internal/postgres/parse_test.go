package postgres_test

import (
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

// TestWhatCOPYWouldMisreadIsStagedAsItStands: the rows go to PostgreSQL as
// text, in which some signs mean something.
func TestWhatCOPYWouldMisreadIsStagedAsItStands(t *testing.T) {
	o := newOffice(t)
	o.work()
	departments := []string{`\N`, `\.`, `a\tb`, `\\`, `\x41`, `ends with \`, `{"a"}`, `nullable`, `Қойма «Ә»`, `%s $1 '';--`}
	var rows []string
	for n, d := range departments {
		rows = append(rows, fmt.Sprintf(`%d;Иванов Иван;ivan%d@firm.example;"%s";;`, 100+n, n, strings.ReplaceAll(d, `"`, `""`)))
	}
	i := o.upload(hr, roster.Add, list(rows...))
	if i.Counts.Create != len(departments) || len(i.Problems) != 0 {
		t.Fatalf("%+v", i)
	}
	var staged []string
	read, err := o.db.Pool().Query(t.Context(), `SELECT department FROM import_row ORDER BY line`)
	if err != nil {
		t.Fatal(err)
	}
	for read.Next() {
		var d string
		if err := read.Scan(&d); err != nil {
			t.Fatal(err)
		}
		staged = append(staged, d)
	}
	if !slices.Equal(staged, departments) {
		t.Errorf("staged %q\nfor    %q", staged, departments)
	}
}

// TestProblemsComeInTheOrderOfTheFile: those that the parser found on a line
// first, then that its person stands on an earlier line.
func TestProblemsComeInTheOrderOfTheFile(t *testing.T) {
	o := newOffice(t)
	o.work()
	i := o.upload(hr, roster.Add, list(
		"10;Иванов Иван;not an address;Склад;;",
		"11;Петров Пётр;p@firm.example;Склад;;",
		"10;Иванов Иван;not an address;Офис;;",
		"10;Иванов Иван;i@firm.example;Касса;;",
		"12;Сидоров;s@firm.example;;;",
	))
	var told []string
	for _, p := range i.Problems {
		told = append(told, fmt.Sprintf("%d %s", p.Line, p.Code))
	}
	want := []string{
		"2 email_invalid", "2 contact_missing", "4 email_invalid", "4 contact_missing", "4 employee_no_duplicate",
		"5 employee_no_duplicate", "6 name_incomplete",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nwant %q", told, want)
	}
	if i.Counts.Create != 3 || i.Counts.Unchanged != 2 || i.Problems[4].Message != i.Problems[5].Message || i.Problems[4].Severity != tenancy.SeverityWarning ||
		!strings.Contains(i.Problems[4].Message, "on line 2 already") {
		t.Errorf("%+v", i)
	}
}

// TestLeaversNeedNoContacts: nobody writes to them, and a remark on every line
// would hide the others.
func TestLeaversNeedNoContacts(t *testing.T) {
	o := newOffice(t)
	o.work()
	file := list("10;Иванов Иван;;Склад;;", "11;Петров;;Склад;;")
	if told := problemCodes(o.upload(hr, roster.Add, file)); !slices.Equal(told, []string{"contact_missing", "name_incomplete", "contact_missing"}) {
		t.Fatalf("a list of people told %q", told)
	}
	if told := problemCodes(o.upload(hr, roster.Leavers, file)); slices.Contains(told, "contact_missing") || !slices.Contains(told, "name_incomplete") {
		t.Errorf("a list of leavers told %q", told)
	}
}

// TestLinesThatWereSkippedCanBeFound: somebody who was taken for a remark is
// missing from the plan, and only the number of his line tells where he is.
func TestLinesThatWereSkippedCanBeFound(t *testing.T) {
	o := newOffice(t)
	o.work()
	file := "Табельный номер;ФИО;Email;Руководитель\nСклад;;;\n10;Иванов Иван;i@firm.example;Петров\nИтого: 1;;;\nИсполнитель: Сидоров;;;\nПримечание: список сверен;;;\n"
	i := o.upload(hr, roster.Add, file)
	if i.Summary == nil || i.Counts.Rows != 1 {
		t.Fatalf("%+v", i)
	}
	if want := map[string][]int{"group": {2}, "total": {4}, "note": {5, 6}}; !reflect.DeepEqual(i.Summary.SkippedLines, want) {
		t.Errorf("%v (%v), want %v", i.Summary.SkippedLines, i.Summary.Skipped, want)
	}
	if want := map[string]string{"D": "Руководитель"}; !maps.Equal(i.Summary.Unread, want) {
		t.Errorf("not read: %v, want %v", i.Summary.Unread, want)
	}
}

// TestALongListIsNotHeldInMemory: rows pass through the server one by one.
// With all of them in its memory this list would take far more than it may.
func TestALongListIsNotHeldInMemory(t *testing.T) {
	const rows, most = 40_000, 40 << 20
	o := newOffice(t)
	var b strings.Builder
	if _, err := rostergen.Write(&b, rostergen.Options{Rows: rows, Seed: 5, Country: "RU", Dirt: 0.03}, rostergen.File{Format: "csv"}); err != nil {
		t.Fatal(err)
	}
	file := b.String()
	runtime.GC()
	before, highest, stop := heapNow(), uint64(0), make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.Tick(2 * time.Millisecond); ; <-tick {
			highest = max(highest, heapNow())
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	i := o.upload(hr, roster.Add, file)
	close(stop)
	<-watched
	if i.Counts.Rows != rows || i.Counts.Create < rows*9/10 {
		t.Fatalf("%+v", i.Counts)
	}
	if grown := highest - min(before, highest); grown > most {
		t.Errorf("%d rows took %d MB of the server, want at most %d", rows, grown>>20, most>>20)
	} else {
		t.Logf("%d MB", grown>>20)
	}
}

// heapNow is what the heap's objects take, garbage too.
func heapNow() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
