package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Bounds of the streams of events. A stream may outlive the token that opened it
// by no more than its deadline; whoever listens comes again with a new one.
const (
	eventsDeadline = 2 * time.Minute
	eventsEvery    = 500 * time.Millisecond
	stillHere      = 15 * time.Second // proxies cut what is silent
	maxStreams     = 64
)

// importEvent is what a stream tells of an import; findings and problems are
// read from the import itself.
type importEvent struct {
	ID       roster.ImportID  `json:"id"`
	State    roster.State     `json:"state"`
	Counts   roster.Counts    `json:"counts"`
	Done     int              `json:"done"`
	Ops      int              `json:"ops"`
	Progress *roster.Progress `json:"progress,omitempty"`
	Waiting  *tenancy.Problem `json:"waiting,omitempty"`
}

// importEvents sends an event for every change of an import's state and
// progress, until it has ended.
func (s *Server) importEvents(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	now, err := s.rosters.ImportProgress(r.Context(), actor, id)
	if err != nil {
		return err
	}
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		return tenancy.E(tenancy.Unavailable, "events_busy", "Too many streams of events are open just now; read the import instead, or come again shortly.")
	}
	defer s.streams.Add(-1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	stream := eventStream{w: w, flush: http.NewResponseController(w).Flush, sent: time.Now()}
	stream.follow(r.Context(), now, func(ctx context.Context) (roster.Import, error) {
		if err := s.ready(ctx); err != nil { // a stopping process must not wait for its streams
			return roster.Import{}, err
		}
		return s.rosters.ImportProgress(ctx, actor, id)
	})
	return nil
}

// eventStream is an answer that goes on.
type eventStream struct {
	w     http.ResponseWriter
	flush func() error
	last  []byte
	sent  time.Time
}

// follow tells of the import, and of what it becomes, until it has ended, the
// listener or the time has gone, or it cannot be read: then whoever listens
// comes again and is told why.
func (s *eventStream) follow(ctx context.Context, now roster.Import, next func(context.Context) (roster.Import, error)) {
	fmt.Fprint(s.w, "retry: 2000\n\n")
	tick := time.NewTicker(eventsEvery)
	defer tick.Stop()
	for {
		if s.tell(now) != nil {
			return
		}
		if ended(now.State) {
			fmt.Fprint(s.w, "event: end\ndata: {}\n\n")
			_ = s.flush()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if now, err = next(ctx); err != nil {
			return
		}
	}
}

// ended reports whether a state is one that nothing is done in any more.
func ended(state roster.State) bool {
	switch state {
	case roster.Applied, roster.Failed, roster.Cancelled, roster.Undone:
		return true
	}
	return false
}

// tell sends what has changed, and a sign of life now and then.
func (s *eventStream) tell(i roster.Import) error {
	b, err := json.Marshal(importEvent{i.ID, i.State, i.Counts, i.Done, i.Ops, i.Progress, i.Waiting})
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(b, s.last):
		_, err = fmt.Fprintf(s.w, "event: import\ndata: %s\n\n", b)
	case time.Since(s.sent) > stillHere:
		_, err = fmt.Fprint(s.w, ": still here\n\n")
	default:
		return nil
	}
	if err != nil {
		return err
	}
	s.last, s.sent = b, time.Now()
	return s.flush()
}
