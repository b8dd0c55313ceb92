package roster_test

import (
	"regexp"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
)

func TestNewCode(t *testing.T) {
	const letters = "23456789abcdefghjkmnpqrstuvwxyz"
	drawn := map[rune]int{}
	for range 2000 {
		code := roster.NewCode(16)
		if len(code) != 16 {
			t.Fatalf("code %q", code)
		}
		for _, letter := range code {
			drawn[letter]++
		}
	}
	if len(drawn) != len(letters) {
		t.Errorf("%d different letters, want %d", len(drawn), len(letters))
	}
	for _, letter := range letters {
		if n := drawn[letter]; n < 700 || n > 1400 { // 1032 is even
			t.Errorf("%c came %d times", letter, n)
		}
	}
}

func TestNewLogin(t *testing.T) {
	shape := regexp.MustCompile(`^cdek-[2-9a-hjkmnp-z]{6}$`)
	seen := map[string]bool{}
	for range 2000 {
		login := roster.NewLogin("cdek")
		if !shape.MatchString(login) {
			t.Fatalf("login %q", login)
		}
		seen[login] = true
	}
	if len(seen) < 1990 {
		t.Errorf("2000 draws gave %d logins", len(seen))
	}
}
