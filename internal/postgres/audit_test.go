package postgres_test

import (
	"bytes"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
)

// A tail that was removed shows only beside an earlier head.
func TestAuditHeadShowsARemovedTail(t *testing.T) {
	o := newOffice(t)
	o.upload(hr, roster.Add, list(person(1)))
	o.upload(hr, roster.Add, list(person(2)))
	kept, err := o.db.VerifyAudit(t.Context())
	if err != nil || kept.Entries != 2 || len(kept.Hash) != 32 {
		t.Fatalf("%+v, %v", kept, err)
	}
	if _, err := o.db.Pool().Exec(t.Context(), `DELETE FROM audit WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	cut, err := o.db.VerifyAudit(t.Context())
	if err != nil || cut.Entries != 1 || bytes.Equal(cut.Hash, kept.Hash) {
		t.Errorf("%+v, %v after %+v", cut, err, kept)
	}
	o.upload(hr, roster.Add, list(person(3)))
	again, err := o.db.VerifyAudit(t.Context())
	if err != nil || again.Entries != kept.Entries || bytes.Equal(again.Hash, kept.Hash) {
		t.Errorf("another tail: %+v, %v after %+v", again, err, kept)
	}
}
