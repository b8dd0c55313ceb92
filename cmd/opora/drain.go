package main

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Limits of connections. A request's own deadline is the API's, which moves
// these where its own is longer; they end what does not even become a request,
// or is never read.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 70 * time.Second // above the API's usual deadlines
	writeTimeout   = 80 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	drainFor       = time.Second     // says "go elsewhere" and still takes requests
	shutdownFor    = 9 * time.Second // with drainFor, ten seconds in all
)

// drainingServer is an HTTP server that stops without losing a request it has
// taken. http.Server.Shutdown alone drops what was sent on a connection that
// it has accepted and not yet read.
type drainingServer struct {
	http.Server
	draining atomic.Bool
	mu       sync.Mutex
	busy     map[net.Conn]struct{} // new or answering
}

// newDrainingServer returns a server for the handler.
func newDrainingServer(handler http.Handler) *drainingServer {
	s := &drainingServer{busy: map[net.Conn]struct{}{}}
	s.Server = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.draining.Load() {
				w.Header().Set("Connection", "close")
			}
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ConnState: s.note,
		ErrorLog: stdlog.New(io.Discard, "", 0), // it would name callers' addresses
	}
	return s
}

// note implements http.Server.ConnState.
func (s *drainingServer) note(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		s.busy[conn] = struct{}{}
	default:
		delete(s.busy, conn)
	}
}

// onceListener may be closed twice: by us, and again by Shutdown.
type onceListener struct {
	net.Listener
	once sync.Once
	err  error
}

// Close implements net.Listener.
func (l *onceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// serveUntil serves the listener until ctx ends. Then it first answers as
// before but asks every connection to be closed, so that no caller is about to
// send on one that we close; then takes no new ones, lets those that are busy
// come to their end, and closes the rest.
func (s *drainingServer) serveUntil(ctx context.Context, open net.Listener, log *slog.Logger) error {
	listener := &onceListener{Listener: open}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listener) }()
	select {
	case err := <-failed:
		return tenancy.E(tenancy.Unavailable, "serve_failed", "the API stopped answering", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	s.draining.Store(true)
	time.Sleep(drainFor)
	_ = listener.Close()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownFor)
	defer cancel()
	if err := errors.Join(s.awaitQuiet(end), s.Shutdown(end)); err != nil {
		_ = s.Close()
		return tenancy.E(tenancy.Unavailable, "shutdown_late", "some requests did not end within ten seconds and were cut off", err)
	}
	return nil
}

// awaitQuiet waits until no connection is new or answering.
func (s *drainingServer) awaitQuiet(ctx context.Context) error {
	for {
		s.mu.Lock()
		busy := len(s.busy)
		s.mu.Unlock()
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
