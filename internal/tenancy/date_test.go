package tenancy

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDateTakesOnlyISO(t *testing.T) {
	for _, good := range []string{"2026-11-21", "2024-02-29", "0001-01-01"} {
		d, err := ParseDate(good)
		if err != nil || d.String() != good {
			t.Errorf("ParseDate(%q) = %v, %v", good, d, err)
		}
	}
	for _, bad := range []string{"", "21.11.2026", "2026-2-1", "2025-02-29", "2026-11-21T00:00:00Z"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", bad, d)
		}
	}
}

func TestDateInZone(t *testing.T) {
	// Kazakhstan moved to UTC+5 on 2024-03-01: the days before and after begin
	// at different offsets, and a Date must not care.
	almaty, err := time.LoadLocation("Asia/Almaty")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		date Date
		want string
	}{
		{NewDate(2024, time.February, 29), "2024-02-28T18:00:00Z"},
		{NewDate(2024, time.March, 2), "2024-03-01T19:00:00Z"},
	} {
		if got := c.date.In(almaty).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%v begins at %s, want %s", c.date, got, c.want)
		}
	}
}

func TestDateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDate(rapid.IntRange(1900, 2100).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 31).Draw(t, "day"))
		n := rapid.IntRange(-1000, 1000).Draw(t, "n")
		later := d.AddDays(n)
		if got := later.In(time.UTC).Sub(d.In(time.UTC)); got != time.Duration(n)*24*time.Hour {
			t.Fatalf("%v + %d days = %v, which is %v away", d, n, later, got)
		}
		if (n > 0) != later.After(d) || (n < 0) != later.Before(d) {
			t.Fatalf("%v and %v are not in order", d, later)
		}
		text, err := json.Marshal(d)
		var back Date
		if err != nil || json.Unmarshal(text, &back) != nil || back != d {
			t.Fatalf("%v came back as %v (%v)", d, back, err)
		}
	})
}

func TestZeroDateIsEmptyText(t *testing.T) {
	var d Date
	if text, _ := d.MarshalText(); len(text) != 0 {
		t.Errorf("the zero date is written %q", text)
	}
	if err := d.UnmarshalText(nil); err != nil || !d.IsZero() {
		t.Errorf("empty text is %v, %v", d, err)
	}
}
