package booking

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/client"
)

const selectAppointment = `
	SELECT a.id, a.employee_id, a.specialist_type, a.at, a.format, a.minutes, a.for_whom, a.state, a.counts,
		c.grant_id, a.contract, c.window_from, c.window_until, a.uncovered, c.account, a.counter, a.revision
	FROM appointment a JOIN counter c ON c.id = a.counter `

func scan(row pgx.CollectableRow) (a Appointment, err error) {
	err = row.Scan(&a.ID, &a.EmployeeID, &a.SpecialistType, &a.At, &a.Format, &a.Minutes, &a.For, &a.State, &a.Counts,
		&a.Grant, &a.Contract, &a.Window.From, &a.Window.Until, &a.Uncovered, &a.account, &a.counter, &a.revision)
	return a, err
}

// read reads an appointment, of the employee if one is given, and locks it if
// it is to be changed. One that is not his is errNotFound as one that is not there.
func read(ctx context.Context, tx pgx.Tx, id uuid.UUID, employee client.EmployeeID, change bool) (Appointment, error) {
	lock := ""
	if change {
		lock = ` FOR UPDATE OF a`
	}
	rows, err := tx.Query(ctx, selectAppointment+`WHERE a.id = $1 AND ($2 = '' OR a.employee_id = $2)`+lock, id, employee)
	if err != nil {
		return Appointment{}, err
	}
	a, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, errNotFound
	}
	return a, err
}

// insert writes a new appointment.
func insert(ctx context.Context, tx pgx.Tx, a Appointment, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO appointment (id, employee_id, specialist_type, at, format, minutes, for_whom, state, counts, counter, contract, revision, booked_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`,
		a.ID, a.EmployeeID, a.SpecialistType, a.At, a.Format, a.Minutes, a.For, a.State, a.Counts, a.counter, a.Contract, a.revision, now)
	return err
}

// Get returns an appointment of the employee.
func (s *Service) Get(ctx context.Context, employee client.EmployeeID, id uuid.UUID) (a Appointment, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx, _ []string) error {
		a, err = read(ctx, tx, id, employee, false)
		return err
	})
	return a, err
}

// Page is how many appointments List returns at most.
const Page = 100

// List returns the employee's appointments that begin at a time or after it,
// the earliest first.
func (s *Service) List(ctx context.Context, employee client.EmployeeID, from time.Time) ([]Appointment, error) {
	rows, err := s.pool.Query(ctx, selectAppointment+`WHERE a.employee_id = $1 AND a.at >= $2 ORDER BY a.at, a.id LIMIT $3`, employee, from, Page)
	if err != nil {
		return nil, face(err)
	}
	all, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, face(err)
	}
	return all, nil
}

// Audit returns what is wrong with the books, a sentence for each mistake:
// counters that are not the number of their appointments, and appointments
// outside their counters' windows. There is nothing, or there is a bug.
func (s *Service) Audit(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT format('counter %s says %s and has %s appointments', c.id, c.used, count(a.id))
		FROM counter c LEFT JOIN appointment a ON a.counter = c.id AND a.counts
		GROUP BY c.id HAVING c.used <> count(a.id)
		UNION ALL
		SELECT format('appointment %s begins outside the window of counter %s', a.id, c.id)
		FROM appointment a JOIN counter c ON c.id = a.counter AND (a.at < c.window_from OR a.at >= c.window_until)`)
	if err != nil {
		return nil, face(err)
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, face(err)
	}
	return wrong, nil
}
