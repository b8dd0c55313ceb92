package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

const typeEvents = "text/event-stream"

// Timings of streams of changes.
const (
	maxChangeStreams = 128
	slowReader       = 10 * time.Second // to take a page of events
	tokenEvery       = 5 * time.Second  // how often the token is looked at again
)

// streamChanges sends the feed as events until the listener goes, the token
// ends, or the process stops. What went before the stream's beginning is
// refused as any request is; what ends it later is told by an event "close".
func (s *Server) streamChanges(w http.ResponseWriter, r *http.Request, q changesQuery) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		q.since = entitlement.Cursor(last)
	}
	if s.changeStreams.Add(1) > maxChangeStreams {
		s.changeStreams.Add(-1)
		return tenancy.E(tenancy.Unavailable, "changes_busy", "Too many streams of changes are open just now; ask with wait instead, or come again shortly.")
	}
	defer s.changeStreams.Add(-1)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	page, err := s.feed.Changes(ctx, q.since, q.limit)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", typeEvents)
	h.Set("X-Accel-Buffering", "no")
	stream := changeStream{w: w, connection: http.NewResponseController(w), patience: s.slowReader}
	stream.begin(page)
	if err := s.followChanges(ctx, r, &stream, page, q.limit); err != nil && !errors.Is(r.Context().Err(), context.Canceled) {
		stream.close(s.life.Err(), err)
	}
	return nil
}

// followChanges sends page after page; it returns why it cannot go on, nil when
// the listener has gone.
func (s *Server) followChanges(ctx context.Context, r *http.Request, stream *changeStream, page entitlement.ChangePage, limit int) error {
	for {
		if err := stream.tell(page); err != nil {
			return nil //nolint:nilerr // nobody is there to be told
		}
		actor, err := s.authenticate(r)
		if err == nil && !actor.MayAnywhere(tenancy.ReadChanges) {
			err = tenancy.E(tenancy.Forbidden, "forbidden", "Your roles do not allow this.")
		}
		if err != nil {
			return err
		}
		if page.More {
			page, err = s.feed.Changes(ctx, page.Next, limit)
		} else {
			waiting, cancel := context.WithTimeout(ctx, s.tokenEvery)
			page, err = s.feed.Await(waiting, page.Next, limit)
			cancel()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// changeStream writes events. A listener who does not take them is let go.
type changeStream struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration
	out        bytes.Buffer
	sent       time.Time
}

// begin names the place to come back to when nothing is told before the
// connection breaks: for one who began at the end of the feed that is no longer
// its end then.
func (c *changeStream) begin(page entitlement.ChangePage) {
	fmt.Fprint(&c.out, "retry: 2000\n")
	if len(page.Items) == 0 {
		fmt.Fprintf(&c.out, "id: %s\n", page.Next)
	}
	fmt.Fprint(&c.out, "\n")
}

// tell sends a page, and of an empty one a sign of life now and then.
func (c *changeStream) tell(page entitlement.ChangePage) error {
	for i := range page.Items {
		b, err := json.Marshal(&page.Items[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(&c.out, "id: %s\nevent: %s\ndata: %s\n\n", page.Items[i].Cursor, page.Items[i].Type, b)
	}
	if c.out.Len() == 0 {
		if time.Since(c.sent) < stillHere-tokenEvery/2 {
			return nil
		}
		fmt.Fprint(&c.out, ": still here\n\n")
	}
	return c.send()
}

func (c *changeStream) send() error {
	c.sent = time.Now()
	_ = c.connection.SetWriteDeadline(c.sent.Add(c.patience))
	_, err := c.out.WriteTo(c.w)
	c.out.Reset()
	return errors.Join(err, c.connection.Flush())
}

// closing is why a stream ends, in an event "close".
type closing struct {
	Code string `json:"code"`
}

// close says why the stream ends; the listener comes back with a new token and
// the last id.
func (c *changeStream) close(stopping, why error) {
	end := closing{face(why).Code}
	if stopping != nil {
		end.Code = "stopping"
	}
	b, err := json.Marshal(end)
	if err != nil {
		return
	}
	fmt.Fprintf(&c.out, "event: close\ndata: %s\n\n", b)
	_ = c.send()
}
