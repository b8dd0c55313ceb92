package roster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// job returns another employment of the same person.
func job(h roster.Have, key string) roster.Have {
	entity, number, _ := strings.Cut(key, "/")
	h.Key = roster.Key{LegalEntity: tenancy.LegalEntityCode(entity), EmployeeKey: tenancy.EmployeeKey(number)}
	h.EmployeeNo, h.EmploymentID = tenancy.EmployeeNo(number), tenancy.EmploymentID("job-"+number)
	return h
}

func phone(w roster.Want, number string) roster.Want { w.Phone = number; return w }

func TestWhatSeveralRowsSayOfOnePerson(t *testing.T) {
	had := have("a/1", "Орлов Иван", "1990-05-01", "", "")
	had.Phone = "+79000000001"
	second := job(had, "a/2")
	other := job(had, "b/2")
	row := func(line int, key, number string) roster.Want {
		return phone(want(line, key, "Орлов Иван", "1990-05-01", "", ""), number)
	}
	for _, c := range []struct {
		name  string
		haves []roster.Have
		wants []roster.Want
		told  []string
	}{
		{"the lower line wins, and the other is told", []roster.Have{had, second}, []roster.Want{row(5, "a/2", "+79000000002"), row(9, "a/1", "+79000000003")},
			[]string{`5 update a/2 of person-1, phone "+79000000001"→"+79000000002"`, "9 person_differs", "unchanged 1"}},
		{"a row without a value says nothing", []roster.Have{had, second}, []roster.Want{row(5, "a/2", ""), row(9, "a/1", "+79000000003")},
			[]string{`5 update a/2 of person-1, phone "+79000000001"→"+79000000003"`, "unchanged 1"}},
		{"the same on both", []roster.Have{had, second}, []roster.Want{row(5, "a/2", "+79000000001"), row(9, "a/1", "+79000000001")},
			[]string{"unchanged 2"}},
		{"a list of the other company", []roster.Have{had, other}, []roster.Want{row(5, "b/2", "+79000000002")},
			[]string{"5 person_differs", "unchanged 1"}},
		{"a list of both companies", []roster.Have{had, other}, []roster.Want{row(5, "b/2", "+79000000002"), row(6, "a/1", "+79000000001")},
			[]string{`5 update b/2 of person-1, phone "+79000000001"→"+79000000002"`, "6 person_differs", "unchanged 1"}},
		{"a list of the other company, when the main job is over", []roster.Have{left(had), other}, []roster.Want{row(5, "b/2", "+79000000002")},
			[]string{`5 update b/2 of person-1, phone "+79000000001"→"+79000000002"`}},
		{"a second job that tells more", []roster.Have{had}, []roster.Want{row(5, "a/1", "+79000000001"), row(6, "a/7", "+79000000002")},
			[]string{`6 move a/7 of person-1, employment ""→"a/7"`, "6 person_differs", "unchanged 1"}},
		{"two rows of somebody new", nil, []roster.Want{row(5, "a/1", ""), row(6, "a/7", "+79000000002")},
			[]string{"5 hire a/1 of new-1 new", "6 hire a/7 of new-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.told, told(diff(t, roster.Add, c.haves, c.wants))); d != "" {
				t.Error(d)
			}
		})
	}
}

func withID(w roster.Want, hash string) roster.Want {
	w.NationalID, w.NationalIDHash = tenancy.SNILS, hash
	return w
}

// A national id or a phone that was copied into another person's row must not
// make one account of two people: what one of them books the other would see.
func TestSharedEvidenceIsNotOnePersonWhenNameAndBirthDateDiffer(t *testing.T) {
	had := have("a/1", "Орлов Иван", "1990-05-01", "", "")
	had.NationalID, had.NationalIDHash, had.Phone, had.PhoneConfirmed = tenancy.SNILS, "x", "+79000000001", true
	undated := had
	undated.BirthDate = tenancy.Date{}
	for _, c := range []struct {
		name  string
		haves []roster.Have
		wants []roster.Want
		told  []string
	}{
		{"two new rows", nil,
			[]roster.Want{withID(want(5, "a/7", "Орлов Иван", "1990-05-01", "", ""), "x"), withID(want(6, "a/8", "Лисицына Анна", "1985-01-01", "", ""), "x")},
			[]string{"5 hire a/7 of new-1 new", "6 national_id_shared"}},
		{"somebody we have", []roster.Have{had},
			[]roster.Want{withID(want(6, "a/8", "Лисицына Анна", "1985-01-01", "", ""), "x")}, []string{"6 national_id_shared"}},
		{"no birth dates, and neither name is the same", []roster.Have{undated},
			[]roster.Want{withID(want(6, "a/8", "Лисицына Анна", "1985-01-01", "", ""), "x")}, []string{"6 national_id_shared"}},
		{"married, no birth date", []roster.Have{undated},
			[]roster.Want{withID(want(6, "a/8", "Лисицын Иван", "", "", ""), "x")},
			[]string{`6 move a/8 of person-1, employment ""→"a/8", last_name "Орлов"→"Лисицын"`}},
		{"another birth date", []roster.Have{had},
			[]roster.Want{withID(want(6, "a/8", "Орлов Иван", "1990-01-05", "", ""), "x")},
			[]string{`6 move a/8 of person-1, employment ""→"a/8", birth_date "1990-05-01"→"1990-01-05"`}},
		{"a phone that he has confirmed", []roster.Have{had},
			[]roster.Want{phone(want(6, "a/8", "Лисицына Анна", "1985-01-01", "", ""), "+79000000001")}, []string{"6 hire a/8 of new-1 new"}},
		{"his number and his phone, given to another", []roster.Have{had},
			[]roster.Want{phone(want(6, "a/1", "Лисицына Анна", "1985-01-01", "", ""), "+79000000001")}, []string{"6 identity_changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := diff(t, roster.Add, c.haves, c.wants)
			if d := cmp.Diff(c.told, told(got)); d != "" {
				t.Error(d)
			}
			if n := len(c.wants); got.Decided != n {
				t.Errorf("decided on %d of %d rows", got.Decided, n)
			}
		})
	}
}

func left(h roster.Have) roster.Have { h.LeftOn = today.AddDays(-9); return h }

func TestANumberIsGivenAgainWhenItsHolderHasLeft(t *testing.T) {
	holder := have("a/17", "Орлов Иван", "1990-05-01", "", "")
	new := want(5, "a/17", "Лисицын Пётр", "1985-01-01", "", "")
	if got := told(diff(t, roster.Add, []roster.Have{holder}, []roster.Want{new})); !slices.Equal(got, []string{"5 identity_changed"}) {
		t.Errorf("while he works: %q", got)
	}
	got := diff(t, roster.Add, []roster.Have{left(holder)}, []roster.Want{new})
	if !slices.Equal(told(got), []string{"5 hire a/17 of new-1 new"}) || got.Changes[0].Releases != holder.EmploymentID {
		t.Errorf("when he has left: %q, %+v", told(got), got.Changes)
	}
	// The former holder comes back under another number; the new one stays.
	former, now := left(holder), have("a/17", "Лисицын Пётр", "1985-01-01", "", "")
	former.Released, former.EmployeeID, former.EmploymentID = true, "former", "former-job"
	got = diff(t, roster.Full, []roster.Have{now, former}, []roster.Want{new, want(6, "a/40", "Орлов Иван", "1990-05-01", "", "")})
	if d := cmp.Diff([]string{`6 return a/40 of former, employment ""→"a/40"`, "unchanged 1"}, told(got)); d != "" {
		t.Error(d)
	}
	// Somebody we have gets the number of one who left: a second job of his.
	other := have("a/18", "Лисицын Пётр", "1985-01-01", "", "")
	got = diff(t, roster.Add, []roster.Have{left(holder), other}, []roster.Want{new})
	if d := cmp.Diff([]string{`5 move a/17 of person-18, employment ""→"a/17"`}, told(got)); d != "" {
		t.Error(d)
	}
}

func TestAbsencesAreCountedBeforeAnybodyLeaves(t *testing.T) {
	one, two := have("a/1", "Орлов Иван", "", "", ""), have("a/2", "Лисицын Пётр", "", "", "")
	rows := []roster.Want{want(5, "a/2", "Лисицын Пётр", "", "", "")}
	for _, c := range []struct {
		times, days int
		leaves      bool
	}{{0, 0, true}, {1, 0, true}, {2, 0, false}, {2, 1, true}, {3, 1, false}, {3, 2, true}, {2, 7, true}} {
		one.AbsentDays, one.Missed = c.days, c.days > 0
		got := diffWith(t, roster.Options{Mode: roster.Full, AbsentTimes: c.times}, []roster.Have{one, two}, rows)
		if c.leaves != (got.Leave == 1) || c.leaves == (got.Counts.Absent == 1) || c.leaves == (len(got.Absences) == 1) {
			t.Errorf("%d times, absent on %d days before: %q, %+v", c.times, c.days, told(got), got.Absences)
		}
	}
	two.AbsentDays, two.Missed = 1, true
	got := diffWith(t, roster.Options{Mode: roster.Add, AbsentTimes: 2}, []roster.Have{two}, rows)
	if d := cmp.Diff([]roster.Absence{{Employment: "job-2", Listed: true}}, got.Absences); d != "" {
		t.Errorf("he is listed again: %s", d)
	}
	refused := roster.Options{Mode: roster.Full, AbsentTimes: 2, LegalEntity: "a", Listed: func(n tenancy.EmployeeKey) bool { return n == "2" }}
	if got := diffWith(t, refused, []roster.Have{two}, nil); got.Leave != 0 || len(got.Absences) != 1 || !got.Absences[0].Listed {
		t.Errorf("he stands on a refused row: %q, %+v", told(got), got.Absences)
	}
	later := have("a/3", "Ким Алия", "", "", "")
	later.HiredOn = today.AddDays(3)
	if got := diff(t, roster.Full, []roster.Have{later, two}, rows); got.Leave != 0 {
		t.Errorf("somebody who is still to begin leaves: %q", told(got))
	}
}

// alone says of each employment and row what may be said: that nothing bears
// upon it. It is what PostgreSQL finds out for the real lists.
func alone(haves []roster.Have, wants []roster.Want) {
	employments := map[tenancy.EmployeeID]int{}
	bornAs := map[string]int{}
	name := func(p roster.Person) string {
		return p.BirthDate.String() + roster.Fold(p.LastName+" "+p.FirstName+" "+p.MiddleName)
	}
	for _, h := range haves {
		employments[h.EmployeeID]++
		bornAs[name(h.Person)]++
	}
	listed := map[string]int{}
	for _, w := range wants {
		listed[name(w.Person)]++
	}
	for i, h := range haves {
		haves[i].Alone = employments[h.EmployeeID] == 1 && (h.BirthDate.IsZero() || listed[name(h.Person)] == 0 || bornAs[name(h.Person)] == 1 && onlyHis(h, wants, listed[name(h.Person)]))
	}
	for i, w := range wants {
		wants[i].Alone = w.BirthDate.IsZero() || bornAs[name(w.Person)] == 0 && listed[name(w.Person)] == 1
	}
}

// onlyHis reports whether the one row that says so of him has his own key.
func onlyHis(h roster.Have, wants []roster.Want, rows int) bool {
	return rows == 1 && h.LeftOn.IsZero() && slices.ContainsFunc(wants, func(w roster.Want) bool {
		return w.Key == h.Key && w.BirthDate == h.BirthDate && w.LastName == h.LastName
	})
}

func TestWhatIsDecidedAtOnceIsDecidedTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		haves, wants := company(rt)
		// Some have two jobs.
		for i := range haves {
			if i > 0 && rapid.IntRange(0, 3).Draw(rt, "second job") == 0 {
				haves[i].EmployeeID, haves[i].Person = haves[i-1].EmployeeID, haves[i-1].Person
			}
		}
		options := roster.Options{
			Mode: rapid.SampledFrom([]roster.Mode{roster.Full, roster.Add, roster.Leavers}).Draw(rt, "mode"), AbsentTimes: rapid.IntRange(0, 2).Draw(rt, "times"),
			Listed: func(n tenancy.EmployeeKey) bool { return n == "3" },
		}
		kept := diffWith(t, options, slices.Clone(haves), slices.Clone(wants))
		alone(haves, wants)
		atOnce := diffWith(t, options, haves, wants)
		// The ids that were drawn for new people may be drawn in another order.
		if d := cmp.Diff(renamed(told(kept)), renamed(told(atOnce))); d != "" {
			rt.Fatalf("(-kept +at once)\n%s", d)
		}
		if d := cmp.Diff(kept.Absences, atOnce.Absences); d != "" || kept.Counts != atOnce.Counts || kept.Waiting != atOnce.Waiting {
			rt.Fatalf("%+v and %+v: %s", kept.Counts, atOnce.Counts, d)
		}
	})
}

// renamed gives new people ids in the order in which they are told.
func renamed(lines []string) []string {
	ids := map[string]string{}
	for i, line := range lines {
		words := strings.Split(line, " ")
		for j, w := range words {
			if strings.HasPrefix(w, "new-") {
				if ids[w] == "" {
					ids[w] = fmt.Sprintf("new-%d", len(ids)+1)
				}
				words[j] = ids[w]
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return lines
}
