// Package bookingtest gives tests of the booking core a database of their own.
package bookingtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database returns the address of a database on the server that DATABASE_URL
// names, for booking.Open to make; it is dropped when the test ends. Without
// DATABASE_URL the test fails: one that passes without PostgreSQL proves nothing.
func Database(t testing.TB) string {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Fatal("DATABASE_URL is not set: run `make test`, or `opora dev --exec 'go test ./examples/...'`")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("DATABASE_URL is no address")
	}
	name := "bookingcore_test_" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() { drop(t, server, name) })
	u.Path = "/" + name
	return u.String()
}

func drop(t testing.TB, server, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal("PostgreSQL at DATABASE_URL does not answer")
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		t.Fatal(err)
	}
}
