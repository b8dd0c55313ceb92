package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// stage receives a parse's records into temporary tables of the transaction,
// one by one, and then writes from there what is kept of them. Nothing of it
// grows with the list in this process.
type stage struct {
	tx  pgx.Tx
	p   *job.Parsing
	key []byte // of the marks

	taken, refused int
	unidentified   int            // of those refused: rows without a personnel number that could be read
	repeated       int            // of those taken: rows of somebody who stands on an earlier row
	skipped        map[string]int // lines that are no people, by reason
	skippedLines   map[string][]int

	rows, marks, problems copier
}

// The temporary tables. Those of tables under row-level security cannot be
// filled by COPY directly; the INSERT that follows is checked row by row.
const makeStage = `
	SET LOCAL idle_in_transaction_session_timeout = '15min'; -- a child may have nothing to say for long
	CREATE TEMP TABLE parsed_row ON COMMIT DROP AS
		SELECT r.line, r.employee_no, r.employee_key, r.legal_entity, r.last_name, r.first_name, r.middle_name, r.email, r.phone,
			r.department, r.position, r.segment, r.hired_on, r.left_on, r.birth_date, r.search, i.national_id, i.national_id_hash
		FROM import_row r, import_identity i WITH NO DATA;
	CREATE TEMP TABLE parsed_mark ON COMMIT DROP AS SELECT mark FROM import_refused WITH NO DATA;
	CREATE TEMP TABLE parsed_problem ON COMMIT DROP AS SELECT n, code, severity, message, sheet, line, col, field FROM import_problem WITH NO DATA`

func newStage(ctx context.Context, tx pgx.Tx, p *job.Parsing, key []byte) (*stage, error) {
	_, err := tx.Exec(ctx, makeStage)
	return &stage{
		tx: tx, p: p, key: key, skipped: map[string]int{}, skippedLines: map[string][]int{},
		rows: copier{table: "parsed_row", columns: []string{
			"line", "employee_no", "employee_key", "legal_entity", "last_name", "first_name", "middle_name", "email", "phone",
			"department", "position", "segment", "hired_on", "left_on", "birth_date", "search", "national_id", "national_id_hash",
		}},
		marks:    copier{table: "parsed_mark", columns: []string{"mark"}},
		problems: copier{table: "parsed_problem", columns: []string{"n", "code", "severity", "message", "sheet", "line", "col", "field"}},
	}, err
}

// receive takes all records, and refuses a list of which the parser has counted
// other rows than came.
func (s *stage) receive(ctx context.Context, list *job.Reading) error {
	for record, err := range list.Records() {
		if err != nil {
			return err
		}
		if record.Skipped != "" {
			s.skip(record)
			continue
		}
		if err := s.add(ctx, record); err != nil {
			return err
		}
	}
	for _, c := range []*copier{&s.rows, &s.marks, &s.problems} {
		if err := c.flush(ctx, s.tx); err != nil {
			return err
		}
	}
	if summary := list.Summary(); s.taken+s.refused != summary.Rows || s.taken != summary.OK {
		return rowsLost(summary.Rows, s.taken+s.refused)
	}
	return nil
}

// skip counts a line that is no person, and keeps its number where a person may
// have been taken for something else.
func (s *stage) skip(record importers.Record) {
	reason := string(record.Skipped)
	s.skipped[reason]++
	switch record.Skipped {
	case importers.Group, importers.Note, importers.Total:
		if len(s.skippedLines[reason]) < roster.SkippedKept {
			s.skippedLines[reason] = append(s.skippedLines[reason], record.Line)
		}
	}
}

// add keeps the row that was taken; of one that was refused, a keyed hash of
// its number; of both, the problems.
func (s *stage) add(ctx context.Context, record importers.Record) error {
	for i, p := range record.Problems {
		if s.p.Mode == roster.Leavers && p.Code == importers.ContactMissing {
			continue // nobody writes to those who leave
		}
		s.problems.put(i, string(p.Code), string(p.Severity), p.Message, p.Sheet, p.Line, p.Column, p.Field)
		if err := s.problems.end(ctx, s.tx); err != nil {
			return err
		}
	}
	switch row := record.Row; {
	case record.OK:
		s.taken++
		s.rows.put(record.Line, string(row.EmployeeNo), string(row.EmployeeKey), string(row.LegalEntity),
			row.LastName, row.FirstName, row.MiddleName, row.Email, row.Phone, row.Department, row.Position, string(row.Segment),
			row.HiredOn, row.LeftOn, row.BirthDate, roster.Fold(row.LastName+" "+row.FirstName+" "+row.MiddleName),
			string(row.NationalID), row.NationalIDHash)
		return s.rows.end(ctx, s.tx)
	case row.EmployeeKey != "":
		s.refused++
		s.marks.put(mark(s.key, row.EmployeeKey))
		return s.marks.end(ctx, s.tx)
	default:
		s.refused++
		s.unidentified++
		return nil
	}
}

// mark is the keyed hash of a personnel number on a refused row.
func mark(key []byte, number tenancy.EmployeeKey) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("refused\x00" + number))
	return mac.Sum(nil)
}

// store writes what is kept of the records, in the order in which the tables
// need each other.
func (s *stage) store(ctx context.Context) error {
	kept, err := s.tx.Exec(ctx, `
		INSERT INTO import_row (tenant, import_id, line, employee_no, employee_key, legal_entity, last_name, first_name, middle_name, email, phone,
			department, position, segment, hired_on, left_on, birth_date, search)
		SELECT DISTINCT ON (legal_entity, employee_key) $1, $2::uuid, line, employee_no, employee_key, legal_entity, last_name, first_name, middle_name, email, phone,
			department, position, segment, hired_on, left_on, birth_date, search
		FROM parsed_row ORDER BY legal_entity, employee_key, line`, s.p.Tenant, s.p.Import)
	if err != nil {
		return err
	}
	if int(kept.RowsAffected()) < s.taken {
		if err := s.dropRepeated(ctx); err != nil {
			return err
		}
	}
	if decided := int(kept.RowsAffected()) + s.repeated; decided != s.taken {
		return rowsLost(s.taken, decided)
	}
	for _, statement := range []string{
		`INSERT INTO import_identity (tenant, import_id, legal_entity, employee_key, national_id, national_id_hash)
			SELECT $1, $2::uuid, legal_entity, employee_key, national_id, national_id_hash FROM parsed_row WHERE national_id_hash <> ''`,
		`INSERT INTO import_refused (tenant, import_id, mark) SELECT DISTINCT $1, $2::uuid, mark FROM parsed_mark`,
		`INSERT INTO import_problem (tenant, import_id, n, stage, code, severity, message, sheet, line, col, field)
			SELECT $1, $2::uuid, row_number() OVER (ORDER BY line, n), 'parse', code, severity, message, sheet, line, col, field FROM parsed_problem`,
	} {
		if _, err := s.tx.Exec(ctx, statement, s.p.Tenant, s.p.Import); err != nil {
			return err
		}
	}
	_, err = s.tx.Exec(ctx, `DROP TABLE parsed_row, parsed_mark, parsed_problem`)
	return err
}

// repeatedRow says that a row was left out because the same person stands, with
// the same number, on an earlier one: a list shows every job of a person, and
// the first is the main one. (Another person with the number is an error of
// both rows, which the importer has found.)
const repeatedRow = `The same person with the same personnel number stands on line %s already; that line was taken and this one left out.`

// afterAll sorts a problem behind those that the parser found on a line.
const afterAll = 1 << 30

// dropRepeated takes the rows out that name somebody whom an earlier row has
// named, and says so of each.
func (s *stage) dropRepeated(ctx context.Context) error {
	dropped, err := s.tx.Exec(ctx, `
		WITH repeated AS (
			DELETE FROM parsed_row s USING import_row r
			WHERE r.tenant = $1 AND r.import_id = $2 AND r.legal_entity = s.legal_entity AND r.employee_key = s.employee_key AND r.line <> s.line
			RETURNING s.line, r.line AS first)
		INSERT INTO parsed_problem (n, code, severity, message, sheet, line, col, field)
		SELECT $4, 'employee_no_duplicate', 'warning', format($3, first), '', line, '', 'employee_no' FROM repeated`,
		s.p.Tenant, s.p.Import, repeatedRow, afterAll)
	s.repeated = int(dropped.RowsAffected())
	return err
}

// addProblems appends problems to an import.
func addProblems(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, phase string, problems []tenancy.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(n), 0) FROM import_problem WHERE tenant = $1 AND import_id = $2`, tenant, id).Scan(&n); err != nil {
		return err
	}
	rows := make([][]any, len(problems))
	for i, p := range problems {
		rows[i] = []any{tenant, id, n + i + 1, phase, p.Code, p.Severity, p.Message, p.Sheet, p.Line, p.Column, p.Field}
	}
	return copyInto(ctx, tx, "import_problem", with([]string{"n", "stage", "code", "severity", "message", "sheet", "line", "col", "field"}), rows)
}

var ownerColumns = []string{"tenant", "import_id"}

func with(columns []string) []string { return append(append([]string{}, ownerColumns...), columns...) }
