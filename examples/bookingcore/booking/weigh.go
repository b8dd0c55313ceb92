package booking

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/client"
)

// Checker answers what an employee may use: a *client.Client.
type Checker interface {
	Check(client.Query) (client.Answer, error)
}

// weighed is a wish with our counts put to Opora.
type weighed struct {
	client.Answer
	places map[client.GrantID]place
	counts map[client.GrantID]count
}

// weigh counts what is used of each grant that covers the wish and asks which
// of them to consume. Grants that the wish fits into, but whose later windows
// it would overfill, are taken as used up.
func (s *Service) weigh(ctx context.Context, tx pgx.Tx, wish Wish) (weighed, error) {
	w, query, err := s.count(ctx, tx, wish)
	for err == nil && w.Allowed {
		var room bool
		if room, err = s.leavesRoom(ctx, tx, wish, w.places[w.Consume]); room || err != nil {
			break
		}
		line := w.line(w.Consume)
		query.used[line.Grant] = line.Limit
		w.Answer, err = s.askAgain(query.with(), w.Revision)
	}
	return w, err
}

// counted is a query with counts that can still be changed.
type counted struct {
	client.Query
	used, before map[client.GrantID]int
}

func (c counted) with() client.Query {
	q := c.Query
	q.Used, q.UsedBefore = client.UsedByGrant(c.used), client.UsedByGrant(c.before)
	return q
}

// count asks about the wish with what is used of each grant in its window,
// and, for one that carries over, in the window before. more are appointments
// that are not stored: they are counted where they lie.
func (s *Service) count(ctx context.Context, tx pgx.Tx, wish Wish, more ...extra) (weighed, counted, error) {
	query := counted{wish.query(), map[client.GrantID]int{}, map[client.GrantID]int{}}
	answer, err := s.ask(query.Query)
	w := weighed{answer, map[client.GrantID]place{}, map[client.GrantID]count{}}
	if err != nil || len(answer.Lines) == 0 {
		return w, query, err
	}
	places := make([]place, 0, 2*len(answer.Lines))
	for _, line := range answer.Lines {
		p := place{accountOf(line, wish.EmployeeID), line.Grant, line.Window.From, line.Window.Until}
		before := p // of a grant that carries nothing over, an empty window
		before.from, before.until = line.CarryOver.Window.From, line.CarryOver.Window.Until
		w.places[line.Grant] = p
		places = append(places, p, before)
	}
	counts, err := countUsed(ctx, tx, places)
	if err != nil {
		return w, query, err
	}
	for i, p := range places {
		for _, e := range more {
			if e.in(p) {
				counts[i].used++
			}
		}
		if i%2 == 0 {
			w.counts[p.grant], query.used[p.grant] = counts[i], counts[i].used
		} else {
			query.before[p.grant] = counts[i].used
		}
	}
	w.Answer, err = s.askAgain(query.with(), w.Revision)
	return w, query, err
}

// extra is an appointment that is not stored yet.
type extra struct {
	place
	wish Wish
}

// in reports whether the appointment would count in the place.
func (e extra) in(p place) bool {
	return e.account == p.account && e.grant == p.grant && !e.wish.At.Before(p.from) && e.wish.At.Before(p.until)
}

// line returns what the answer says of a grant.
func (w weighed) line(grant client.GrantID) client.Line {
	i := slices.IndexFunc(w.Lines, func(l client.Line) bool { return l.Grant == grant })
	if i < 0 {
		return client.Line{}
	}
	return w.Lines[i]
}

// most is what the counter of the consumed grant's window may reach: the limit
// less what counts in this window but stands in counters of other windows.
func (w weighed) most() int {
	c := w.counts[w.Consume]
	return w.line(w.Consume).Limit - (c.used - c.own)
}

// leavesRoom reports whether later appointments, booked already, would still
// be within their limits with the wish in its place. The decision about a time
// looks back only; but the wish also counts in the rolling windows that end
// after it, and lessens what a window takes over from its own.
func (s *Service) leavesRoom(ctx context.Context, tx pgx.Tx, wish Wish, p place) (bool, error) {
	later, err := neighbours(ctx, tx, p)
	if err != nil {
		return false, err
	}
	for _, neighbour := range later {
		answer, err := s.ask(neighbour.query())
		if err != nil {
			return false, err
		}
		line := weighed{Answer: answer}.line(p.grant)
		if !line.Window.Contains(wish.At) && !line.CarryOver.Window.Contains(wish.At) {
			continue
		}
		w, _, err := s.count(ctx, tx, neighbour, extra{p, wish})
		if err != nil {
			return false, err
		}
		if line := w.line(p.grant); w.places[p.grant].account == p.account && line.Used > line.Limit {
			return false, nil
		}
	}
	return true, nil
}

// ask asks Opora's client. Without an answer nothing is booked, not even by a
// client that fails open: there would be nothing to count it against.
func (s *Service) ask(q client.Query) (client.Answer, error) {
	answer, err := s.check.Check(q)
	switch {
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, client.ErrClosed), answer.Reason == client.Unavailable:
		return client.Answer{}, &Error{Kind: Unavailable, Code: "entitlement_unavailable", Message: "Nobody can say at present what is covered; try again later.", Err: err}
	case err != nil:
		return client.Answer{}, &Error{Kind: Invalid, Code: "wish_invalid", Message: "This is nothing that can be booked.", Err: err}
	}
	return answer, nil
}

// askAgain asks with what was counted for an earlier answer. When there is
// news of the employee or of his contract since, the counts may be of other
// grants and windows: all is done again.
func (s *Service) askAgain(q client.Query, revision string) (client.Answer, error) {
	answer, err := s.ask(q)
	if err == nil && answer.Revision != revision {
		return answer, again{}
	}
	return answer, err
}
