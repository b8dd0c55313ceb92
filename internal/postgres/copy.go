package postgres

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// copier brings rows into a temporary table as they come, in the text format of
// COPY and a piece at a time: a connection does one COPY at once, and several
// tables are filled side by side.
type copier struct {
	table   string
	columns []string
	text    []byte
	begun   bool // the row has a value already
	pending int64
}

// copyPiece is how much text is sent at a time.
const copyPiece = 512 << 10

// put adds a value to the row that is being written: a string, an int, a bool,
// a tenancy.Date (the zero one is NULL), bytes, or nil for NULL.
func (c *copier) put(values ...any) {
	for _, v := range values {
		if c.begun {
			c.text = append(c.text, '\t')
		}
		c.begun = true
		switch v := v.(type) {
		case string:
			c.text = appendCopyText(c.text, v)
		case nil:
			c.text = append(c.text, '\\', 'N')
		case bool:
			c.text = strconv.AppendBool(c.text, v)
		case int:
			c.text = strconv.AppendInt(c.text, int64(v), 10)
		case []byte:
			c.text = append(c.text, `\\x`...)
			c.text = hex.AppendEncode(c.text, v)
		case tenancy.Date:
			c.text = appendCopyDate(c.text, v)
		default:
			panic(fmt.Sprintf("copier: a value of type %T", v))
		}
	}
}

// appendCopyText escapes what COPY would take for the end of a value or a row.
func appendCopyText(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			b = append(b, '\\', '\\')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, c)
		}
	}
	return b
}

func appendCopyDate(b []byte, d tenancy.Date) []byte {
	if d.IsZero() {
		return append(b, '\\', 'N')
	}
	two := func(n int) { b = append(b, byte('0'+n/10), byte('0'+n%10)) }
	two(d.Year / 100 % 100)
	two(d.Year % 100)
	b = append(b, '-')
	two(int(d.Month))
	b = append(b, '-')
	two(d.Day)
	return b
}

// end completes the row, and sends the piece when it is large enough.
func (c *copier) end(ctx context.Context, tx pgx.Tx) error {
	c.text, c.begun = append(c.text, '\n'), false
	c.pending++
	if len(c.text) < copyPiece {
		return nil
	}
	return c.flush(ctx, tx)
}

// flush sends what waits.
func (c *copier) flush(ctx context.Context, tx pgx.Tx) error {
	if c.pending == 0 {
		return nil
	}
	statement := fmt.Sprintf("COPY %s (%s) FROM STDIN", pgx.Identifier{c.table}.Sanitize(), strings.Join(c.columns, ", "))
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.text), statement)
	if err == nil && tag.RowsAffected() != c.pending {
		err = fmt.Errorf("PostgreSQL took %d of %d rows", tag.RowsAffected(), c.pending)
	}
	c.text, c.pending = c.text[:0], 0
	return err
}
