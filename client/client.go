package client

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
)

// Client answers checks from memory. It is safe for concurrent use; a program
// needs one.
type Client struct {
	config Config
	clock  clock
	known  atomic.Pointer[knowledge]
	status status

	stop  context.CancelFunc
	ended sync.WaitGroup // the follower and the watcher
	close sync.Once
	done  chan struct{} // closed by Close
	idle  func()        // closes the connections of a transport of our own
}

// knowledge is what Check reads. It is replaced whole, never changed; the
// directory in it is kept up by the follower until a new snapshot replaces it.
type knowledge struct {
	directory *entitlement.Directory // nil: nothing is known
	cursor    Cursor
	terms     int64 // revision
	broken    []TenantSlug
	asOf      reading // everything that was committed before is in the directory
	closed    bool
}

// New returns a client that has begun to fill itself, or says everything that
// is wrong with the configuration. Opora need not be there yet: see Ready.
// Close ends it.
func New(config Config) (*Client, error) {
	return open(config, systemClock(), usualPace)
}

func open(config Config, clock clock, pace pace) (*Client, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{config: config, clock: clock, stop: stop, done: make(chan struct{}), idle: func() {}}
	c.status.init()
	c.known.Store(&knowledge{})
	f := newFollower(c, c.transport(), pace)
	c.ended.Go(func() { f.run(ctx) })
	c.ended.Go(func() { c.watch(ctx) })
	return c, nil
}

// transport returns what carries the requests: the configured client's
// transport or one of our own, without redirects (a token goes where it was
// meant to go) and without a deadline that would cut a long poll.
func (c *Client) transport() *http.Client {
	var made http.Client
	if c.config.HTTPClient != nil {
		made = *c.config.HTTPClient
	} else {
		own := ownTransport()
		c.idle = own.CloseIdleConnections
		made.Transport = own
	}
	made.Timeout = 0
	made.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &made
}

// ownTransport asks a silent HTTP/2 connection whether it is there: one whose
// other end has vanished would take every request in vain for a quarter of an hour.
func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: 90 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// Ready waits until Check can answer: the first snapshot is in, and the feed
// has been followed to its end once, or could not be. When ctx ends first, the
// error says so and what stood in the way last.
func (c *Client) Ready(ctx context.Context) error {
	select {
	case <-c.done:
		return ErrClosed
	default:
	}
	select {
	case <-c.status.ready:
		return nil
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		if problem := c.State().Problem; problem != "" {
			return fmt.Errorf("there is no snapshot of Opora yet (%s): %w", problem, ctx.Err())
		}
		return fmt.Errorf("there is no snapshot of Opora yet: %w", ctx.Err())
	}
}

// Close ends the client's goroutines, in the middle of a request too, and
// forgets what was known. It returns when they have ended; called again, it
// does nothing.
func (c *Client) Close() error {
	c.close.Do(func() {
		close(c.done)
		c.stop()
		c.ended.Wait()
		c.known.Store(&knowledge{closed: true})
		c.idle()
	})
	return nil
}

// publish makes what the follower knows the answers' ground.
func (c *Client) publish(k knowledge) { c.known.Store(&k) }

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
