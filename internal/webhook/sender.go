package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Deadline is how long a try may take, from the name's look-up to the last byte
// of the answer.
const Deadline = 15 * time.Second

const (
	connectTime = 5 * time.Second
	maxResponse = 64 << 10 // bytes, of the headers and of the body each
)

// Sender calls receivers. Its zero value follows the zero Policy and trusts
// the system's certificates.
type Sender struct {
	Policy Policy
	Roots  *x509.CertPool // who may vouch for a receiver; the system's when nil
	// Resolver looks names up; the system's when nil.
	Resolver *net.Resolver
	// Deadline is how long a try may take; Deadline when 0.
	Deadline time.Duration
	// dialing, in tests, is told each address that passed.
	dialing func(netip.AddrPort) error
}

// Send makes one try. What the receiver answers is not kept but for its status.
func (s *Sender) Send(ctx context.Context, d Delivery) Outcome {
	began := time.Now()
	deadline := s.Deadline
	if deadline == 0 {
		deadline = Deadline
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	o := s.send(ctx, d, began)
	o.Took = time.Since(began)
	return o
}

func (s *Sender) send(ctx context.Context, d Delivery, now time.Time) Outcome {
	e, err := s.Policy.parse(d.URL)
	if err != nil {
		return Outcome{Result: AddressRefused}
	}
	body := d.Message.Body()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(body))
	if err != nil {
		return Outcome{Result: AddressRefused}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Opora-Webhooks/1")
	if err := d.Message.sign(req.Header, d.Secrets, now, body); err != nil {
		return Outcome{Result: Unreachable}
	}
	resp, err := s.client(e).Do(req)
	if err != nil {
		return Outcome{Result: failure(ctx, err)}
	}
	defer resp.Body.Close()
	// Read, so that the receiver's answer does not end in a reset, and dropped.
	_, _ = io.CopyN(io.Discard, resp.Body, maxResponse)
	o := Outcome{Result: resultOf(resp.StatusCode), Status: resp.StatusCode}
	if o.Result == Busy {
		o.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	return o
}

// client makes a client for one call: no proxy, no redirects, no connection
// kept, and every address looked at when it is about to be dialled, after its
// name was looked up and so whatever the DNS says next.
func (s *Sender) client(e endpoint) *http.Client {
	dialer := &net.Dialer{Timeout: connectTime, Resolver: s.Resolver, KeepAlive: -1,
		Control: func(_, address string, _ syscall.RawConn) error { return s.allow(e, address) },
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			TLSHandshakeTimeout: connectTime, MaxResponseHeaderBytes: maxResponse,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots},
		},
	}
}

// allow is asked with the address that a connection is about to go to.
func (s *Sender) allow(e endpoint, address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || to.Port() != e.port {
		return refused("the connection goes elsewhere")
	}
	if err := s.Policy.permit(e, to.Addr()); err != nil {
		return err
	}
	if s.dialing != nil {
		return s.dialing(to)
	}
	return nil
}

// failure reads the error of a call without an answer.
func failure(ctx context.Context, err error) Result {
	var slow net.Error
	switch {
	case isRefused(err):
		return AddressRefused
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return TimedOut
	}
	return Unreachable
}
