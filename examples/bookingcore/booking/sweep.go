package booking

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/client"
)

// Swept is what a sweep found and did. It counts, and names nobody.
type Swept struct {
	Looked    int  `json:"looked"`    // appointments ahead
	Flagged   int  `json:"flagged"`   // not covered any more, and told so
	Cleared   int  `json:"cleared"`   // covered again
	Moved     int  `json:"moved"`     // counted against another grant, theirs being gone
	Cancelled int  `json:"cancelled"` // of employees who will have left by then
	Unknown   int  `json:"unknown"`   // left as they are: their tenant's terms cannot be worked with
	Held      bool `json:"held"`      // too many to cancel at once: they were flagged only
}

// A sweep that would cancel more than these does not cancel: rather is
// something wrong with what Opora says than that so many have left.
const (
	heldOver    = 20 // appointments, and
	heldPercent = 20 // per cent of those ahead
)

// Sweep looks at every booked appointment ahead, whether Opora still covers it:
// people leave, contracts are suspended. Those of an employee who will have left
// by then (beyond the contract's grace period) are cancelled and not counted;
// others that are not covered are flagged, and cleared when they are again. One
// whose grant is gone while another covers it is counted against that one.
//
// It asks nothing about amounts: what was booked within a limit stays when the
// limit is lowered. With an answer that is not fresh it ends without doing
// anything, for a lasting thing is not done on old news.
//
// accept is somebody's word that very many have left indeed.
func (s *Service) Sweep(ctx context.Context, accept bool) (Swept, error) {
	var swept Swept
	all, err := s.uncovered(ctx, &swept)
	if err != nil {
		return swept, err
	}
	leaving := 0
	for _, u := range all {
		if gone(u.reason) {
			leaving++
		}
	}
	swept.Held = !accept && leaving > max(heldOver, swept.Looked*heldPercent/100)
	for _, u := range all {
		if err := s.settle(ctx, u.id, &swept); err != nil {
			return swept, err
		}
	}
	if _, err := s.pool.Exec(ctx, `DELETE FROM request WHERE made_at < $1`, s.now().Add(-keep)); err != nil {
		return swept, face(err)
	}
	return swept, nil
}

// gone reports whether there is no such employee any more at that time.
func gone(reason client.Reason) bool {
	return reason == client.EmployeeInactive || reason == client.EmployeeUnknown
}

// suspect is an appointment of which something has to be settled.
type suspect struct {
	id     uuid.UUID
	reason client.Reason
}

// sweepPage is how many appointments are read at a time.
const sweepPage = 1000

// uncovered returns the appointments ahead whose cover is not as it is noted,
// and those whose employee will be gone.
func (s *Service) uncovered(ctx context.Context, swept *Swept) ([]suspect, error) {
	var found []suspect
	after, last := s.now(), uuid.Nil
	for {
		page, err := s.ahead(ctx, after, last)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			swept.Looked++
			cover, err := s.cover(a)
			if errors.Is(err, client.ErrTerms) {
				swept.Unknown++
				continue
			}
			if err != nil {
				return nil, err
			}
			if cover.moved || gone(cover.reason) || cover.reason != a.Uncovered {
				found = append(found, suspect{a.ID, cover.reason})
			}
		}
		if len(page) < sweepPage {
			return found, nil
		}
		after, last = page[len(page)-1].At, page[len(page)-1].ID
	}
}

func (s *Service) ahead(ctx context.Context, after time.Time, last uuid.UUID) ([]Appointment, error) {
	rows, err := s.pool.Query(ctx, selectAppointment+`WHERE a.state = 'booked' AND (a.at, a.id) > ($1, $2) ORDER BY a.at, a.id LIMIT $3`, after, last, sweepPage)
	if err != nil {
		return nil, face(err)
	}
	page, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, face(err)
	}
	return page, nil
}

// cover is how Opora covers a booked appointment now.
type cover struct {
	reason client.Reason // why it does not; empty when it does
	moved  bool          // it does, but not by the grant that it was counted against
}

// cover asks about a booked appointment, amounts aside.
func (s *Service) cover(a Appointment) (cover, error) {
	answer, err := s.ask(a.wish().query())
	switch {
	case err != nil:
		return cover{}, err
	case answer.Stale:
		return cover{}, &Error{Kind: Unavailable, Code: "entitlement_stale", Message: "What Opora says is not fresh; nothing is cancelled by it."}
	case len(answer.Lines) == 0:
		return cover{reason: answer.Reason}, nil
	}
	line := weighed{Answer: answer}.line(a.Grant)
	return cover{moved: line.Grant == "" || accountOf(line, a.EmployeeID) != a.account}, nil
}

// settle does what the appointment's cover asks for, as it is now.
func (s *Service) settle(ctx context.Context, id uuid.UUID, swept *Swept) error {
	done := new(int)
	_, err := s.change(ctx, Once{}, "", id, nil, func(tx pgx.Tx, a *Appointment, locks []string) error {
		done = new(int)
		cover, err := s.cover(*a)
		if err != nil || a.State != Booked || !s.now().Before(a.At) {
			return err
		}
		if cover.moved {
			if cover.reason, err = s.recount(ctx, tx, a, locks); err != nil || cover.reason == "" {
				done = &swept.Moved
				return err
			}
		}
		was := a.Uncovered
		a.Uncovered = cover.reason
		switch {
		case gone(cover.reason) && !swept.Held:
			done = &swept.Cancelled
			return s.cancel(ctx, tx, a, false)
		case cover.reason == was:
			return nil
		case cover.reason == "":
			done = &swept.Cleared
		default:
			done = &swept.Flagged
		}
		return s.end(ctx, tx, a)
	})
	if errors.Is(err, client.ErrTerms) {
		done = &swept.Unknown
	} else if err != nil {
		return err
	}
	*done++
	return nil
}

// recount counts the appointment against another grant; it returns the reason
// when nothing is left of any, and then nothing has changed.
func (s *Service) recount(ctx context.Context, tx pgx.Tx, a *Appointment, locks []string) (client.Reason, error) {
	moved := *a
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return s.move(ctx, tx, &moved, a.wish(), locks) })
	if e, ok := asRefused(err); ok {
		return client.Reason(e.Code), nil
	}
	if err == nil {
		*a = moved
	}
	return "", err
}
