package postgres

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// feedCursor is what stands in an entitlement.Cursor: every turn before
// position is read, and of the turn at position what is written up to id.
// A turn that is read to its end is never named: its successor is.
type feedCursor struct {
	ground   [cursorGround]byte // of which feed: see feedState
	position int64
	id       int64
}

const (
	cursorVersion = 1
	cursorGround  = 6 // bytes
)

// text writes the cursor: URL-safe, some twenty characters.
func (c feedCursor) text() entitlement.Cursor {
	b := append([]byte{cursorVersion}, c.ground[:]...)
	b = binary.AppendUvarint(b, uint64(c.position))
	b = binary.AppendUvarint(b, uint64(c.id))
	return entitlement.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

// parseCursor reads a cursor that text wrote; anything else is tenancy.Invalid
// (cursor_invalid).
func parseCursor(given entitlement.Cursor) (c feedCursor, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(given))
	if err != nil || len(b) < 1+cursorGround || b[0] != cursorVersion {
		return c, errCursorInvalid
	}
	rest := b[1+copy(c.ground[:], b[1:]):]
	for _, into := range []*int64{&c.position, &c.id} {
		n, length := binary.Uvarint(rest)
		if length <= 0 || n > 1<<62 {
			return c, errCursorInvalid
		}
		*into, rest = int64(n), rest[length:]
	}
	if len(rest) > 0 || c.position == 0 {
		return c, errCursorInvalid
	}
	return c, nil
}

var (
	errCursorInvalid = tenancy.E(tenancy.Invalid, "cursor_invalid", "This is no cursor of the feed; give one that it answered with, or none.")
	errCursorExpired = tenancy.E(tenancy.Gone, "cursor_expired", "What came after this cursor is not kept any more, or it is another database's: take a snapshot (GET /v1/changes/snapshot) and go on from its cursor.")
)
