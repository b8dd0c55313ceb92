package roster_test

import (
	"regexp"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
)

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
