package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Feed tells of changes of employees and of the terms. A cursor after which
// something is not kept is tenancy.Gone.
type Feed interface {
	// Changes returns at most limit items after the cursor; what was committed
	// before the call is among what follows. entitlement.Now: none.
	Changes(ctx context.Context, since entitlement.Cursor, limit int) (entitlement.ChangePage, error)
	// Await waits until something comes after the cursor; the page is empty when
	// ctx ended before.
	Await(ctx context.Context, after entitlement.Cursor, limit int) (entitlement.ChangePage, error)
	Terms(ctx context.Context) (entitlement.TermsDocument, error)
	TermsRevision(ctx context.Context) (int64, error)
	// Snapshot tells everything, and stops with tell's first error.
	Snapshot(ctx context.Context, tell func(*entitlement.Change) error) error
}

// Bounds of readers of the feed.
const (
	maxWait       = 30 // seconds that a request may wait
	maxWaiters    = 512
	maxChanges    = 1000 // items of a page
	usualChanges  = 500
	changesStream = time.Hour // of a stream; its token ends it sooner
)

// changesQuery is what is asked of the feed.
type changesQuery struct {
	since entitlement.Cursor
	limit int
	wait  time.Duration
}

func readChangesQuery(r *http.Request) (q changesQuery, err error) {
	q.since = entitlement.Cursor(r.URL.Query().Get("since"))
	if q.limit, err = number(r, "limit", usualChanges, 1, maxChanges); err != nil {
		return q, err
	}
	seconds, err := number(r, "wait", 0, 0, maxWait)
	q.wait = time.Duration(seconds) * time.Second
	return q, err
}

// changes answers with a page of the feed, after having waited for one if it
// is asked to, or with a stream of events.
func (s *Server) changes(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	q, err := readChangesQuery(r)
	if err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), typeEvents) {
		return s.streamChanges(w, r, q)
	}
	ctx, cancel := context.WithTimeout(r.Context(), q.wait+usualDeadline)
	defer cancel()
	page, err := s.feed.Changes(ctx, q.since, q.limit)
	if err == nil && len(page.Items) == 0 && q.wait > 0 {
		page, err = s.awaitChanges(ctx, page.Next, q)
	}
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(connectionTime))
	s.writeJSON(w, r, http.StatusOK, page)
	return nil
}

// awaitChanges waits for a page. One that waited for nothing looks once more:
// the empty answer holds for the time at which it is given.
func (s *Server) awaitChanges(ctx context.Context, after entitlement.Cursor, q changesQuery) (page entitlement.ChangePage, err error) {
	if s.waiters.Add(1) > maxWaiters {
		s.waiters.Add(-1)
		return page, tenancy.E(tenancy.Unavailable, "changes_busy", "Too many readers are waiting for changes just now; ask without wait, or come again shortly.")
	}
	defer s.waiters.Add(-1)
	waiting, cancel := context.WithTimeout(ctx, q.wait)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)() // a stopping process keeps nobody waiting
	page, err = s.feed.Await(waiting, after, q.limit)
	if err != nil || len(page.Items) > 0 {
		return page, err
	}
	return s.feed.Changes(ctx, after, q.limit)
}

// changesTerms answers with what all tenants bought.
func (s *Server) changesTerms(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	if given := r.Header.Get("If-None-Match"); given != "" {
		revision, err := s.feed.TermsRevision(r.Context())
		if err != nil {
			return err
		}
		if tag := termsTag(revision); noneMatch(given, tag) {
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	terms, err := s.feed.Terms(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("ETag", termsTag(terms.Revision))
	s.writeJSON(w, r, http.StatusOK, terms)
	return nil
}

func termsTag(revision int64) string { return fmt.Sprintf("%q", fmt.Sprint(revision)) }

// noneMatch reports whether an If-None-Match names the tag (RFC 9110, 13.1.2).
func noneMatch(given, tag string) bool {
	for candidate := range strings.SplitSeq(given, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
