package booking

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ponimayu/opora/client"
)

// Service books. It is safe for concurrent use, and any number of them may
// work on one database.
type Service struct {
	pool   *pgxpool.Pool
	check  Checker
	policy Policy
	now    func() time.Time
}

// New returns a service on a database that Open opened.
func New(pool *pgxpool.Pool, check Checker, policy Policy) *Service {
	return &Service{pool: pool, check: check, policy: policy, now: time.Now}
}

// Allowance answers what is left for a wish at this moment, with our counts.
// It promises nothing: only Book holds a place.
func (s *Service) Allowance(ctx context.Context, wish Wish) (client.Decision, error) {
	if err := wish.validate(); err != nil {
		return client.Decision{}, err
	}
	var w weighed
	err := s.inTx(ctx, func(tx pgx.Tx, _ []string) (err error) {
		w, err = s.weigh(ctx, tx, wish)
		return err
	})
	return w.Decision, err
}

// Book books what is wished, when Opora covers it and something is left of it.
func (s *Service) Book(ctx context.Context, once Once, wish Wish) (Appointment, error) {
	if err := wish.validate(); err != nil {
		return Appointment{}, err
	}
	if err := s.policy.allows(wish.At, s.now()); err != nil {
		return Appointment{}, err
	}
	made := Appointment{ID: uuid.New(), EmployeeID: wish.EmployeeID, State: Booked, Counts: true}
	err := s.inTx(ctx, func(tx pgx.Tx, locks []string) error {
		id, done, err := once.begin(ctx, tx, made.ID, s.now(), "book", wish)
		if done && err == nil {
			made, err = read(ctx, tx, id, wish.EmployeeID, false)
		}
		if done || err != nil {
			return err
		}
		if err := lockAccounts(ctx, tx, append(locks, employeeAccount(wish.EmployeeID))); err != nil {
			return err
		}
		if err := s.seat(ctx, tx, &made, wish, locks); err != nil {
			return err
		}
		return insert(ctx, tx, made, s.now())
	})
	return made, err
}

// Reschedule moves a booked appointment of the employee to another time, in
// one step: its place is given back and another taken, in whichever window and
// contract the new time lies. Refused, it stays where it was.
func (s *Service) Reschedule(ctx context.Context, once Once, employee client.EmployeeID, id uuid.UUID, at time.Time) (Appointment, error) {
	if err := s.policy.allows(at, s.now()); err != nil {
		return Appointment{}, err
	}
	return s.change(ctx, once, employee, id, []any{"reschedule", id, at}, func(tx pgx.Tx, a *Appointment, locks []string) error {
		switch {
		case a.State != Booked:
			return errState(a.State)
		case s.policy.late(a.At, s.now()):
			return conflict("too_late", "It is too late to move this appointment.")
		}
		wish := a.wish()
		wish.At = at
		return s.move(ctx, tx, a, wish, locks)
	})
}

// move gives the place of a booked appointment back and takes one for the wish.
func (s *Service) move(ctx context.Context, tx pgx.Tx, a *Appointment, wish Wish, locks []string) error {
	if !slices.Contains(locks, a.account) && a.account != employeeAccount(a.EmployeeID) {
		return again{a.account} // counters of a pool move under its lock
	}
	// While its new place is looked for it counts nowhere.
	if _, err := tx.Exec(ctx, `UPDATE appointment SET state = 'cancelled', counts = false WHERE id = $1`, a.ID); err != nil {
		return err
	}
	if err := give(ctx, tx, a.counter); err != nil {
		return err
	}
	if err := s.seat(ctx, tx, a, wish, locks); err != nil {
		return err
	}
	a.Uncovered = ""
	_, err := tx.Exec(ctx, `
		UPDATE appointment SET state = 'booked', counts = true, at = $2, counter = $3, contract = $4, revision = $5, uncovered = '', changed_at = $6
		WHERE id = $1`, a.ID, a.At, a.counter, a.Contract, a.revision, s.now())
	return err
}

// seat takes a place for the wish and writes into the appointment which. The
// employee's account and locks are held; the account of a pool is locked when
// the pool is to be consumed, and then all is weighed anew.
func (s *Service) seat(ctx context.Context, tx pgx.Tx, a *Appointment, wish Wish, locks []string) error {
	held := append(slices.Clone(locks), employeeAccount(wish.EmployeeID))
	for {
		w, err := s.weigh(ctx, tx, wish)
		if err != nil {
			return err
		}
		if !w.Allowed {
			return refusal(w.Reason)
		}
		p := w.places[w.Consume]
		if !slices.Contains(held, p.account) {
			if slices.Max(held) > p.account {
				return again{p.account} // out of order: from the beginning
			}
			if err := lockAccounts(ctx, tx, []string{p.account}); err != nil {
				return err
			}
			held = append(held, p.account)
			continue
		}
		counter, err := take(ctx, tx, p, w.most())
		if errors.Is(err, errFull) {
			return again{}
		}
		a.SpecialistType, a.At, a.Format, a.Minutes, a.For = wish.SpecialistType, wish.At, wish.Format, wish.Minutes, wish.whom()
		a.Grant, a.Contract, a.Window = p.grant, w.Contract, client.Window{From: p.from, Until: p.until}
		a.account, a.counter, a.revision = p.account, counter, w.Revision
		return err
	}
}

// Cancel cancels a booked appointment of the employee; its place is given
// back unless it is too late for that by the policy. Again it changes nothing.
// Opora is not asked: whoever may not book may cancel.
func (s *Service) Cancel(ctx context.Context, once Once, employee client.EmployeeID, id uuid.UUID) (Appointment, error) {
	return s.change(ctx, once, employee, id, []any{"cancel", id}, func(tx pgx.Tx, a *Appointment, _ []string) error {
		switch {
		case a.State == Cancelled:
			return nil
		case a.State != Booked:
			return errState(a.State)
		case !s.now().Before(a.At):
			return conflict("appointment_begun", "The appointment has begun; it cannot be cancelled any more.")
		}
		return s.cancel(ctx, tx, a, s.policy.late(a.At, s.now()))
	})
}

// cancel cancels; a late one keeps its place.
func (s *Service) cancel(ctx context.Context, tx pgx.Tx, a *Appointment, late bool) error {
	a.State, a.Counts = Cancelled, late
	if err := s.end(ctx, tx, a); err != nil || late {
		return err
	}
	return give(ctx, tx, a.counter)
}

// Complete notes that the appointment took place. It stays counted.
func (s *Service) Complete(ctx context.Context, once Once, id uuid.UUID) (Appointment, error) {
	return s.close(ctx, once, id, Completed)
}

// NoShow notes that nobody came. It stays counted.
func (s *Service) NoShow(ctx context.Context, once Once, id uuid.UUID) (Appointment, error) {
	return s.close(ctx, once, id, NoShow)
}

func (s *Service) close(ctx context.Context, once Once, id uuid.UUID, state State) (Appointment, error) {
	return s.change(ctx, once, "", id, []any{state, id}, func(tx pgx.Tx, a *Appointment, _ []string) error {
		switch {
		case a.State == state:
			return nil
		case a.State != Booked:
			return errState(a.State)
		case s.now().Before(a.At):
			return conflict("appointment_ahead", "The appointment has not begun yet.")
		}
		a.State, a.Uncovered = state, ""
		return s.end(ctx, tx, a)
	})
}

// end writes the appointment's state.
func (s *Service) end(ctx context.Context, tx pgx.Tx, a *Appointment) error {
	_, err := tx.Exec(ctx, `UPDATE appointment SET state = $2, counts = $3, uncovered = $4, changed_at = $5 WHERE id = $1`,
		a.ID, a.State, a.Counts, a.Uncovered, s.now())
	return err
}

// change does something to an appointment, once, under its employee's lock. An
// appointment of another than the employee does not exist for him; with an
// empty employee it is anybody's.
func (s *Service) change(ctx context.Context, once Once, employee client.EmployeeID, id uuid.UUID, request []any, fn func(pgx.Tx, *Appointment, []string) error) (Appointment, error) {
	var a Appointment
	err := s.inTx(ctx, func(tx pgx.Tx, locks []string) error {
		_, done, err := once.begin(ctx, tx, id, s.now(), request...)
		if err != nil {
			return err
		}
		if a, err = read(ctx, tx, id, employee, false); done || err != nil {
			return err
		}
		if err := lockAccounts(ctx, tx, append(locks, employeeAccount(a.EmployeeID))); err != nil {
			return err
		}
		if a, err = read(ctx, tx, id, employee, true); err != nil {
			return err
		}
		return fn(tx, &a, locks)
	})
	return a, err
}

// errState says that the appointment is over.
func errState(state State) error {
	return conflict("appointment_over", "The appointment is "+string(state)+" already.")
}

// refusal is the error of a wish that Opora does not allow; its code is the reason.
func refusal(reason client.Reason) error {
	return &Error{Kind: Refused, Code: string(reason), Message: "This cannot be booked; the code says why."}
}
