package booking

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/client"
)

// model is the booking core as a list in memory, which counts by looking at
// every appointment for every question.
type model struct {
	ask   func(client.Query) client.Answer
	books []Appointment
}

// counted counts what lies in a line's window, or in the one before it.
func (m *model) counted(line client.Line, account string, w client.Window) int {
	n := 0
	for _, a := range m.books {
		if a.Counts && a.account == account && a.Grant == line.Grant && w.Contains(a.At) {
			n++
		}
	}
	return n
}

// question asks about the wish with all that counts.
func (m *model) question(wish Wish) (client.Query, client.Answer) {
	q := wish.query()
	used, before := map[client.GrantID]int{}, map[client.GrantID]int{}
	for _, line := range m.ask(q).Lines {
		account := accountOf(line, wish.EmployeeID)
		used[line.Grant] = m.counted(line, account, line.Window)
		before[line.Grant] = m.counted(line, account, line.CarryOver.Window)
	}
	q.Used, q.UsedBefore = client.UsedByGrant(used), client.UsedByGrant(before)
	return q, m.ask(q)
}

// overfull returns an appointment that is one too many in its own window, as
// Opora would count it at its own time.
func (m *model) overfull() (Appointment, bool) {
	for _, a := range m.books {
		if !a.Counts {
			continue
		}
		_, answer := m.question(a.wish())
		if line := (weighed{Answer: answer}).line(a.Grant); line.Used > line.Limit {
			return a, true
		}
	}
	return Appointment{}, false
}

// decide says what has to become of a wish: the first grant with room whose
// taking leaves nobody one too many, or the reason.
func (m *model) decide(wish Wish) (client.Line, client.Reason) {
	q, answer := m.question(wish)
	used := map[client.GrantID]int{}
	for _, line := range answer.Lines {
		used[line.Grant] = line.Used
	}
	for answer.Allowed {
		line := weighed{Answer: answer}.line(answer.Consume)
		m.books = append(m.books, Appointment{EmployeeID: wish.EmployeeID, SpecialistType: wish.SpecialistType, At: wish.At, Format: wish.Format,
			Minutes: wish.Minutes, For: wish.For, Counts: true, Grant: line.Grant, account: accountOf(line, wish.EmployeeID)})
		_, bad := m.overfull()
		m.books = m.books[:len(m.books)-1]
		if !bad {
			return line, ""
		}
		used[line.Grant] = line.Limit
		q.Used = client.UsedByGrant(used)
		answer = m.ask(q)
	}
	return client.Line{}, answer.Reason
}

// sold is a holding with every kind of amount, and a renewal with others.
func sold(o *fakeOpora) {
	types := func(codes ...string) object { return object{"specialist_types": codes} }
	grants := func(more int) []object {
		return []object{
			grant("talk", 2, "employee", "calendar_month"),
			grant("family", 2+more, "family", "calendar_quarter", types("psychologist", "child_psychologist"), object{"audience": []string{"employee", "dependant"}, "priority": 15}),
			grant("roll", 1+more, "employee", "rolling", types("psychologist"), object{"days": 20, "priority": 20}),
			grant("carry", 1, "employee", "calendar_month", types("financial_adviser"), object{"carry_over": 1}),
			grant("days", 2+more, "tenant", "rolling", types("lawyer"), object{"days": 10, "priority": 5}),
			grant("pool", 3, "tenant", "calendar_quarter", types("lawyer", "psychologist"), object{"priority": 90}),
		}
	}
	contracts := []object{contract("c-2026", "2026-01-01", "2027-01-01", grants(0)...), contract("c-2027", "2027-01-01", "2028-01-01", grants(1)...)}
	shared := []object{}
	for _, c := range contracts {
		c["shared_with"] = []string{"daughter"}
		s := maps.Clone(c)
		delete(s, "shared_with")
		s["holder"] = "mother"
		shared = append(shared, s)
	}
	o.sells("mother", contracts...)
	o.sells("daughter", shared...)
	o.employs("mother", person(0), "2020-01-01", "")
	o.employs("mother", person(1), "2020-01-01", "2027-02-01")
	o.employs("daughter", person(2), "2020-01-01", "")
}

// TestAsTheModel books, moves, cancels and completes at random, and wants what
// the model says: the same grants, the same refusals, and never one too many.
func TestAsTheModel(t *testing.T) {
	w := newWorld(t, sold)
	few(t, "rapid.checks", "20")
	few(t, "rapid.steps", "60")
	rapid.Check(t, func(t *rapid.T) {
		if _, err := w.pool.Exec(w.t.Context(), `TRUNCATE appointment, counter, account, request`); err != nil {
			t.Fatal(err)
		}
		m := &model{ask: func(q client.Query) client.Answer {
			a, err := w.asks.Check(q)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}}
		play(t, w, m)
	})
}

// few sets a number of rapid's where nobody asked for another or for long tests.
func few(t *testing.T, name, number string) {
	f := flag.Lookup(name)
	if was := f.Value.String(); os.Getenv("OPORA_TEST_LONG") == "" && was == f.DefValue {
		_ = f.Value.Set(number)
		t.Cleanup(func() { _ = f.Value.Set(was) })
	}
}

// play does one run.
func play(t *rapid.T, w *world, m *model) {
	ctx := w.t.Context()
	at := func(t *rapid.T) time.Time {
		return day("2026-12-02").AddDate(0, 0, rapid.IntRange(0, 45).Draw(t, "day")).Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hour")) * time.Hour)
	}
	pick := func(t *rapid.T) int {
		if len(m.books) == 0 {
			t.Skip("nothing is booked")
		}
		return rapid.IntRange(0, len(m.books)-1).Draw(t, "which")
	}
	as := func(t *rapid.T, got Appointment, err error, line client.Line, reason client.Reason) {
		if CodeOf(err) != string(reason) || err == nil && (got.Grant != line.Grant || !got.Window.From.Equal(line.Window.From)) {
			t.Fatalf("got %s %+v %v, want %s %+v %s", got.Grant, got.Window, err, line.Grant, line.Window, reason)
		}
	}
	book := func(t *rapid.T) {
		wish := Wish{
			EmployeeID:     person(rapid.IntRange(0, 2).Draw(t, "who")),
			SpecialistType: rapid.SampledFrom([]client.SpecialistTypeCode{"psychologist", "coach", "lawyer", "child_psychologist", "financial_adviser"}).Draw(t, "type"),
			At:             at(t), For: rapid.SampledFrom([]client.For{client.Self, client.Self, client.Dependant}).Draw(t, "for"),
		}
		line, reason := m.decide(wish)
		if d, err := w.Allowance(ctx, wish); err != nil || d.Consume != line.Grant {
			t.Fatalf("the page says %s, want %s: %v", d.Consume, line.Grant, err)
		}
		got, err := w.Book(ctx, key(), wish)
		if as(t, got, err, line, reason); err == nil {
			m.books = append(m.books, got)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"book":      book,
		"book more": book,
		"move": func(t *rapid.T) {
			i, to := pick(t), at(t)
			without := &model{m.ask, slices.Concat(m.books[:i], m.books[i+1:])}
			wish := m.books[i].wish()
			wish.At = to
			line, reason := without.decide(wish)
			if m.books[i].State != Booked {
				reason = "appointment_over"
			}
			got, err := w.Reschedule(ctx, key(), wish.EmployeeID, m.books[i].ID, to)
			if as(t, got, err, line, reason); err == nil {
				m.books[i] = got
			}
		},
		"cancel": func(t *rapid.T) {
			i := pick(t)
			got, err := w.Cancel(ctx, key(), m.books[i].EmployeeID, m.books[i].ID)
			if over := m.books[i].State == Completed; (err != nil) != over {
				t.Fatalf("%s: %v", m.books[i].State, err)
			}
			if err == nil {
				m.books[i] = got
			}
		},
		"complete": func(t *rapid.T) {
			i := pick(t)
			w.is(m.books[i].At.Add(time.Minute))
			defer w.is(now)
			got, err := w.Complete(ctx, key(), m.books[i].ID)
			if over := m.books[i].State == Cancelled; (err != nil) != over {
				t.Fatalf("%s: %v", m.books[i].State, err)
			}
			if err == nil {
				m.books[i] = got
			}
		},
		"": func(t *rapid.T) {
			if a, bad := m.overfull(); bad {
				t.Fatalf("one too many: %+v", a)
			}
			if wrong, err := w.Audit(ctx); err != nil || len(wrong) > 0 {
				t.Fatal(fmt.Sprint(wrong, err))
			}
		},
	})
}
