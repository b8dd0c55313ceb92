package postgres_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/pgtest"
)

func TestLookAtAMigratedDatabase(t *testing.T) {
	t.Parallel()
	got, err := pgtest.New(t).Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Server < 14 || got.Missing != 0 || got.Schema == 0 || got.Schema != got.Wanted {
		t.Errorf("a migrated database looks like %+v", got)
	}
}
