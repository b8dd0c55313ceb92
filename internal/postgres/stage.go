package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// staged is what becomes of a parse's records in the database.
type staged struct {
	rows, identities [][]any
	marks            map[string]bool
	taken, refused   int
	unidentified     int                // of those refused: rows without a personnel number that could be read
	repeated         int                // of those taken: rows of somebody who stands on an earlier row
	lines            map[roster.Key]int // where each key stands first
	found            []tenancy.Problem
}

// sortRecords separates what is kept of the rows that were taken from what is
// kept of those that were refused: a keyed hash of the number, and the problems.
func sortRecords(records []importers.Record, key []byte) staged {
	s := staged{marks: map[string]bool{}, lines: map[roster.Key]int{}}
	for _, record := range records {
		if record.Skipped != "" {
			continue
		}
		s.found = append(s.found, record.Problems...)
		if !record.OK {
			s.refused++
			if record.Row.EmployeeKey != "" {
				s.marks[mark(key, record.Row.EmployeeKey)] = true
			} else {
				s.unidentified++
			}
			continue
		}
		s.taken++
		if first, again := s.lines[keyOf(record.Row)]; again {
			s.repeated++
			s.found = append(s.found, repeatedRow(record, first))
			continue
		}
		s.lines[keyOf(record.Row)] = record.Line
		s.add(record.Line, record.Row)
	}
	return s
}

func keyOf(row importers.Row) roster.Key {
	return roster.Key{LegalEntity: row.LegalEntity, EmployeeKey: row.EmployeeKey}
}

// repeatedRow says that a row was left out because the same person stands, with
// the same number, on an earlier one: a list shows every job of a person, and
// the first is the main one. (Another person with the number is an error of
// both rows, which the importer has found.)
func repeatedRow(record importers.Record, first int) tenancy.Problem {
	return tenancy.Problem{Code: "employee_no_duplicate", Severity: tenancy.SeverityWarning, Line: record.Line, Field: "employee_no",
		Message: fmt.Sprintf("The same person with the same personnel number stands on line %d already; that line was taken and this one left out.", first)}
}

// mark is the keyed hash of a personnel number on a refused row.
func mark(key []byte, number tenancy.EmployeeKey) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("refused\x00" + number))
	return string(mac.Sum(nil))
}

func (s *staged) add(line int, row importers.Row) {
	search := roster.Fold(row.LastName + " " + row.FirstName + " " + row.MiddleName)
	s.rows = append(s.rows, []any{
		line, row.EmployeeNo, row.EmployeeKey, row.LegalEntity, row.LastName, row.FirstName, row.MiddleName, row.Email, row.Phone,
		row.Department, row.Position, row.Segment, day(row.HiredOn), day(row.LeftOn), day(row.BirthDate), search,
	})
	if row.NationalIDHash != "" {
		s.identities = append(s.identities, []any{row.LegalEntity, row.EmployeeKey, row.NationalID, row.NationalIDHash})
	}
}

var (
	rowColumns = []string{
		"line", "employee_no", "employee_key", "legal_entity", "last_name", "first_name", "middle_name", "email", "phone",
		"department", "position", "segment", "hired_on", "left_on", "birth_date", "search",
	}
	identityColumns = []string{"legal_entity", "employee_key", "national_id", "national_id_hash"}
	ownerColumns    = []string{"tenant", "import_id"}
)

// owned puts the tenant and the import in front of each row.
func owned(p *job.Parsing, rows [][]any) [][]any {
	all := make([][]any, len(rows))
	for i, row := range rows {
		all[i] = append([]any{p.Tenant, p.Import}, row...)
	}
	return all
}

func with(columns []string) []string { return append(append([]string{}, ownerColumns...), columns...) }

// store writes everything that is kept.
func (s *staged) store(ctx context.Context, tx pgx.Tx, p *job.Parsing) error {
	if err := copyInto(ctx, tx, "import_row", with(rowColumns), owned(p, s.rows)); err != nil {
		return err
	}
	if err := copyInto(ctx, tx, "import_identity", with(identityColumns), owned(p, s.identities)); err != nil {
		return err
	}
	var marks [][]any
	for m := range s.marks {
		marks = append(marks, []any{[]byte(m)})
	}
	if err := copyInto(ctx, tx, "import_refused", with([]string{"mark"}), owned(p, marks)); err != nil {
		return err
	}
	return addProblems(ctx, tx, p.Tenant, p.Import, "parse", s.found)
}

// addProblems appends problems to an import.
func addProblems(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, stage string, problems []tenancy.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(n), 0) FROM import_problem WHERE tenant = $1 AND import_id = $2`, tenant, id).Scan(&n); err != nil {
		return err
	}
	rows := make([][]any, len(problems))
	for i, p := range problems {
		rows[i] = []any{tenant, id, n + i + 1, stage, p.Code, p.Severity, p.Message, p.Sheet, p.Line, p.Column, p.Field}
	}
	return copyInto(ctx, tx, "import_problem", with([]string{"n", "stage", "code", "severity", "message", "sheet", "line", "col", "field"}), rows)
}
