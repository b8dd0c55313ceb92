package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// pageLimit is how many changes are asked for at once: the most that Opora gives.
const pageLimit = 1000

// mostGathered bounds the changes that are held back until the terms before them
// can be followed too: some hundred bytes each.
const mostGathered = 300_000

// mostWait is the longest wait at the feed that Opora grants.
const mostWait = 30 * time.Second

// pace is how long the follower waits for what.
type pace struct {
	first    time.Duration // after the first failure; doubled with each
	most     time.Duration // after any number of failures
	snapshot time.Duration // the same when each costs Opora a snapshot
	answer   time.Duration // for an answer, beyond what it was told to wait
	line     time.Duration // for the next line of a snapshot; the first may take a large Opora a while
	whole    time.Duration // for a whole snapshot
}

var usualPace = pace{first: 200 * time.Millisecond, most: 5 * time.Second, snapshot: time.Minute, answer: 10 * time.Second, line: 30 * time.Second, whole: 15 * time.Minute}

// follower fills a client and keeps it up; it is one goroutine. It looks at the
// feed without waiting until there is nothing, waits at it for what comes, and
// looks again. Looking tells up to when everything is known: what was committed
// before the question was sent is in the answer, however long either was on its
// way. A wait tells of changes at once, but an empty one not when it ended at
// the other side.
//
// It waits by long poll, not by server-sent events: a question has a deadline
// and a token of its own, one that is lost is asked again, and a proxy that
// holds streams back does no harm.
type follower struct {
	client *Client
	opora  *opora
	pace   pace
	wait   time.Duration // at the feed's end; whole seconds
	pause  time.Duration // instead of waiting at the feed, and when it does not let us wait

	directory *entitlement.Directory // nil: a snapshot is needed and there was none
	cursor    Cursor                 // empty: a snapshot is needed
	terms     int64
	broken    []tenancy.TenantSlug // whose terms cannot be worked with
	asOf      reading
	atEnd     bool // the last look found nothing: wait for what comes
	more      bool // there was more already

	failures int // since an answer of the feed
	costly   int // snapshots begun since an answer of the feed
}

func newFollower(c *Client, transport *http.Client, pace pace) *follower {
	f := &follower{client: c, opora: newOpora(c.config, transport, c.clock, pace.answer), pace: pace}
	f.wait = min(mostWait, (c.config.MaxStale / 2).Truncate(time.Second))
	f.pause = min(c.config.MaxStale/4, time.Second/4)
	if f.wait == 0 {
		f.pause = c.config.MaxStale / 4
	}
	return f
}

// run follows Opora until ctx ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause, err := f.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.failed(err)
			pause = f.backoff(err)
		}
		sleep(ctx, pause)
	}
}

// step takes a snapshot or one page of the feed, and says how long to wait
// before the next step.
func (f *follower) step(ctx context.Context) (time.Duration, error) {
	if f.cursor == "" {
		return 0, f.begin(ctx)
	}
	pause, err := f.follow(ctx)
	if err != nil || !f.more {
		f.client.status.becomeReady()
	}
	return pause, err
}

// begin takes a snapshot and puts it in the place of what was known.
func (f *follower) begin(ctx context.Context) error {
	taken, err := f.takeSnapshot(ctx)
	if err != nil {
		return err
	}
	f.directory, f.cursor, f.terms, f.broken, f.asOf, f.atEnd = taken.directory, taken.cursor, taken.terms, taken.broken, taken.asOf, false
	f.publish()
	f.client.status.update(func() {
		f.client.status.snapshots++
		f.client.status.connected, f.client.status.problem = true, ""
	})
	return nil
}

// follow asks for the next page of the feed and does what it says.
func (f *follower) follow(ctx context.Context) (time.Duration, error) {
	var wait time.Duration
	if f.atEnd {
		wait = f.wait
	}
	start := f.client.clock()
	page, err := f.page(ctx, f.cursor, wait)
	if err == nil {
		page, err = f.gather(ctx, page)
	}
	if err != nil {
		f.atEnd = false
		return 0, err
	}
	waited := f.client.clock().mono - start.mono
	if err := f.apply(ctx, page.Items); err != nil {
		f.atEnd = false
		return 0, err
	}
	empty := len(page.Items) == 0
	f.cursor, f.more, f.atEnd = page.Next, page.More, empty && wait == 0
	if !page.More {
		f.asOf = start
	}
	f.publish()
	f.succeeded(len(page.Items))
	if empty && (wait == 0 && f.wait == 0 || waited < wait) {
		return f.pause, nil
	}
	return 0, nil
}

func (f *follower) publish() {
	f.client.publish(knowledge{directory: f.directory, cursor: f.cursor, terms: f.terms, broken: f.broken, asOf: f.asOf})
}

// gather adds the following pages to one that brings new terms: a change of the
// rules of segments is followed by all who are in other segments by it, and
// nobody is to be answered by new terms and old segments.
func (f *follower) gather(ctx context.Context, page entitlement.ChangePage) (entitlement.ChangePage, error) {
	if !slices.ContainsFunc(page.Items, func(item entitlement.Change) bool { return item.Type == entitlement.TermsChanged }) {
		return page, nil
	}
	for page.More && len(page.Items) < mostGathered {
		next, err := f.page(ctx, page.Next, 0)
		if err != nil {
			return page, err
		}
		page.Items, page.Next, page.More = append(page.Items, next.Items...), next.Next, next.More
	}
	return page, nil
}

// page asks for what comes after a cursor.
func (f *follower) page(ctx context.Context, since Cursor, wait time.Duration) (entitlement.ChangePage, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+f.pace.answer)
	defer cancel()
	query := url.Values{"since": {string(since)}, "limit": {strconv.Itoa(pageLimit)}, "wait": {strconv.Itoa(int(wait / time.Second))}}
	var page entitlement.ChangePage
	if err := f.opora.getJSON(ctx, changes, query, &page); err != nil {
		return page, err
	}
	if page.Next == "" || (page.Next == since && (len(page.Items) > 0 || page.More)) {
		return page, broken(changes, "says nowhere to go on")
	}
	return page, nil
}

// apply does what the items of a page say. It can be done again: a page that
// could not be done whole is asked for once more. New terms, and what is told
// beside them, are seen by checks at once; without terms one employee is
// changed after another, in their order, which holds nobody up.
func (f *follower) apply(ctx context.Context, items []entitlement.Change) error {
	told, needed, err := tellings(items)
	if err != nil {
		f.cursor = "" // what tells nothing cannot be followed: a new snapshot is needed
		return err
	}
	if needed > f.terms {
		doc, err := f.fetchTerms(ctx, needed)
		if err != nil {
			return err
		}
		compiled, broken := compile(*doc)
		f.directory.Apply(updateOf(told, doc.Revision, compiled))
		f.terms, f.broken = doc.Revision, broken
		return nil
	}
	for _, item := range told {
		if item.Gone {
			f.directory.Remove(item.EmployeeID, item.Revision)
		} else {
			f.directory.Put(*item.Employee)
		}
	}
	return nil
}

// tellings returns the items that tell what an employee is now, one at most
// for each, and which terms the page needs. Items of types that this version
// does not know tell nothing that it decides by.
func tellings(items []entitlement.Change) (told []*entitlement.Change, terms int64, err error) {
	for i := range items {
		switch item := &items[i]; {
		case item.Type == entitlement.TermsChanged:
			terms = max(terms, item.Revision)
		case item.Type != entitlement.EmployeeChanged, item.Superseded:
		case !item.Gone && item.Employee == nil:
			return nil, 0, broken(changes, "has an item that tells nothing of its employee")
		default:
			told = append(told, item)
		}
	}
	return told, terms, nil
}

func updateOf(told []*entitlement.Change, revision int64, compiled map[tenancy.TenantSlug]*entitlement.Terms) entitlement.Update {
	update := entitlement.Update{TermsRevision: revision, Terms: compiled}
	for _, item := range told {
		if item.Gone {
			update.Remove = append(update.Remove, entitlement.Removal{ID: item.EmployeeID, Revision: item.Revision})
		} else {
			update.Put = append(update.Put, *item.Employee)
		}
	}
	return update
}

// succeeded notes an answer of the feed.
func (f *follower) succeeded(items int) {
	f.failures, f.costly = 0, 0
	f.client.status.update(func() {
		f.client.status.connected, f.client.status.problem = true, ""
		f.client.status.changes += int64(items)
	})
}

// failed notes a failure. A cursor that Opora does not keep, or does not know
// (it was restored from a backup), asks for a snapshot; meanwhile answers are
// given from what is known.
func (f *follower) failed(err error) {
	f.failures++
	var refused *refusal
	lost := errors.As(err, &refused) && refused.cursorLost()
	if lost {
		f.cursor = ""
	}
	f.client.status.update(func() {
		f.client.status.failures++
		if !lost {
			f.client.status.connected = false
		}
		f.client.status.problem = err.Error()
	})
}

// backoff is how long to wait after a failure: twice as long each time, at
// least half of it for sure and the rest by chance, so that the replicas of a
// booking core do not all come back at once. Opora may ask for more.
func (f *follower) backoff(err error) time.Duration {
	most := f.pace.most
	if f.costly > 0 {
		most = f.pace.snapshot
	}
	d := most
	if doublings := f.failures - 1; doublings < 16 {
		d = min(most, f.pace.first<<doublings)
	}
	d = d/2 + rand.N(d/2+1)
	var refused *refusal
	if errors.As(err, &refused) {
		d = max(d, min(refused.retryAfter, f.pace.snapshot))
	}
	return d
}
