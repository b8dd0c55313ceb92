package webhook

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func local(t *testing.T) Policy {
	t.Helper()
	p, err := ParsePolicy("127.0.0.0/8 ::1")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func delivery(address string, secrets ...Secret) Delivery {
	return Delivery{URL: address, Secrets: secrets, Message: Message{ID: "msg_1", At: time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC), Cursor: "c7"}}
}

// TestAReceiverVerifies has the standard's own library look at what comes.
func TestAReceiverVerifies(t *testing.T) {
	old, present, foreign := NewSecret(), NewSecret(), NewSecret()
	var verified []error
	var got struct {
		Type      string
		Timestamp time.Time
		Data      map[string]string
	}
	var kind, agent string
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []Secret{old, present, foreign} {
			wh, err := standard.NewWebhook(secret.Reveal())
			if err != nil {
				t.Error(err)
			}
			verified = append(verified, wh.Verify(body, r.Header))
		}
		kind, agent = r.Header.Get("Content-Type"), r.Header.Get("User-Agent")
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
	}))
	defer receiver.Close()
	s := Sender{Policy: local(t), Roots: receiver.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if o := s.Send(t.Context(), delivery(receiver.URL, present, old)); o.Result != Accepted || o.Status != 200 || o.Took <= 0 {
		t.Fatalf("%+v", o)
	}
	if len(verified) != 3 || verified[0] != nil || verified[1] != nil || !errors.Is(verified[2], standard.ErrNoMatchingSignature) {
		t.Errorf("verified with the old, the present and a foreign secret: %v", verified)
	}
	if got.Type != "changes.available" || got.Data["cursor"] != "c7" || len(got.Data) != 1 || !got.Timestamp.Equal(time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)) || kind != "application/json" || agent == "" {
		t.Errorf("%+v %q %q", got, kind, agent)
	}
	// A certificate that nobody vouches for.
	s.Roots = nil
	if o := s.Send(t.Context(), delivery(receiver.URL, present)); o.Result != Unreachable || o.Status != 0 {
		t.Errorf("an unknown certificate: %+v", o)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	var asked atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer inner.Close()
	// The proxy of the environment would swallow everything.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   Outcome
	}{
		"204": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, Outcome{Result: Accepted, Status: 204}},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
		}, Outcome{Result: Redirected, Status: 307}},
		"not modified":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, Outcome{Result: Redirected, Status: 304}},
		"400":            {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, Outcome{Result: Rejected, Status: 400}},
		"gone":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, Outcome{Result: Gone, Status: 410}},
		"busy":           {busy(429, "7"), Outcome{Result: Busy, Status: 429, RetryAfter: 7 * time.Second}},
		"busy, a word":   {busy(503, "soon"), Outcome{Result: Busy, Status: 503}},
		"busy, negative": {busy(503, "-5"), Outcome{Result: Busy, Status: 503}},
		"not busy":       {busy(500, "7"), Outcome{Result: Rejected, Status: 500}},
		"silent":         {silent, Outcome{Result: TimedOut}},
		"breaks off":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Outcome{Result: Unreachable}},
		"endless body":   {endless, Outcome{Result: Accepted, Status: 200}},
		"dripping body":  {dripping, Outcome{Result: Accepted, Status: 200}},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 200<<10)) },
			Outcome{Result: Unreachable}},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := httptest.NewServer(http.HandlerFunc(tt.answer))
			defer receiver.Close()
			s := Sender{Policy: local(t), Deadline: 400 * time.Millisecond}
			began := time.Now()
			o := s.Send(t.Context(), delivery(receiver.URL, NewSecret()))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			o.Took = 0
			if o != tt.want {
				t.Errorf("%+v, want %+v", o, tt.want)
			}
		})
	}
	if asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
	s := Sender{Policy: local(t)}
	if o := s.Send(t.Context(), delivery("http://127.0.0.1:1/", NewSecret())); o.Result != Unreachable {
		t.Errorf("nobody listens: %+v", o)
	}
}

func busy(status int, after string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}
}

// silent takes the message and never answers. (What was not read would hide
// that the caller is gone.)
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// endless writes a body without an end, until nobody reads it any more.
func endless(w http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := w.Write(make([]byte, 32<<10)); err != nil {
			return
		}
	}
}

// dripping answers at once, and then lets its body wait.
func dripping(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for range 100 {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// liar is a DNS server on this machine whose answers follow a list, one address
// a question; the last one stays.
type liar struct {
	conn    net.PacketConn
	mu      sync.Mutex
	answers []netip.Addr
}

func newLiar(t *testing.T, answers ...string) *liar {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{conn: conn}
	for _, a := range answers {
		l.answers = append(l.answers, netip.MustParseAddr(a))
	}
	t.Cleanup(func() { conn.Close() })
	go l.serve()
	return l
}

// resolver asks the liar and nobody else.
func (l *liar) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", l.conn.LocalAddr().String())
	}}
}

func (l *liar) serve() {
	question := make([]byte, 512)
	for {
		n, from, err := l.conn.ReadFrom(question)
		if err != nil {
			return
		}
		_, _ = l.conn.WriteTo(l.answer(question[:n]), from)
	}
}

// answer builds a response with one A record, or none for another type.
func (l *liar) answer(question []byte) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	out := slices.Clone(question[:end+5])
	out[2], out[3] = 0x84, 0 // a response, with authority
	clear(out[6:12])
	if kind != 1 {
		return out
	}
	out[7] = 1
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.answers[0].As4()
	if len(l.answers) > 1 {
		l.answers = l.answers[1:]
	}
	out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
	return append(out, a[:]...)
}

// TestANameThatFlips is DNS rebinding: the name leads to a public address when
// it is looked at and to this machine when it is called.
func TestANameThatFlips(t *testing.T) {
	var hits atomic.Int32
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	go func() {
		for {
			conn, err := inside.Accept()
			if err != nil {
				return
			}
			hits.Add(1)
			conn.Close()
		}
	}()
	port := inside.Addr().(*net.TCPAddr).Port
	policy, err := ParsePolicy(fmt.Sprintf("10.99.0.0/16:%d", port)) // so that the port is not what it fails by
	if err != nil {
		t.Fatal(err)
	}
	var passed []netip.AddrPort
	stopped := errors.New("stopped by the test")
	s := Sender{Policy: policy, Resolver: newLiar(t, "93.184.216.34", "127.0.0.1", "10.99.1.1", "169.254.169.254", "0.0.0.0").resolver(),
		dialing: func(to netip.AddrPort) error { passed = append(passed, to); return stopped }}
	address := "https://flips.example/"
	for i, want := range []Result{Unreachable, AddressRefused, AddressRefused, AddressRefused, AddressRefused} {
		if o := s.Send(t.Context(), delivery(address, NewSecret())); o.Result != want {
			t.Errorf("look-up %d: %+v, want %s", i, o, want)
		}
	}
	if len(passed) != 1 || passed[0] != netip.MustParseAddrPort("93.184.216.34:443") {
		t.Errorf("dialled: %v", passed)
	}
	// The same on the port where something listens.
	s.Resolver = newLiar(t, "10.99.1.1", "127.0.0.1").resolver()
	address = fmt.Sprintf("http://flips.example:%d/", port)
	for i, want := range []Result{Unreachable, AddressRefused} {
		if o := s.Send(t.Context(), delivery(address, NewSecret())); o.Result != want {
			t.Errorf("look-up %d with the port: %+v, want %s", i, o, want)
		}
	}
	if len(passed) != 2 || hits.Load() != 0 {
		t.Errorf("dialled: %v; %d connections came to the inside", passed, hits.Load())
	}
}

func TestWaits(t *testing.T) {
	failed := Outcome{Result: Rejected, Status: 500}
	var all time.Duration
	tries := 1
	for {
		wait, more := failed.Wait(tries)
		if !more {
			break
		}
		if least := waits[tries-1]; wait < least || wait > least+least/5 {
			t.Errorf("after try %d: %v", tries, wait)
		}
		all += wait
		tries++
	}
	if tries != len(waits)+1 || all < 24*time.Hour || all > 36*time.Hour {
		t.Errorf("%d tries in %v", tries, all)
	}
	if _, more := (Outcome{Result: Gone, Status: 410}).Wait(1); more {
		t.Error("410 is tried again")
	}
	for after, want := range map[time.Duration]time.Duration{time.Second: 5 * time.Second, time.Minute: time.Minute, 1000 * time.Hour: 12 * time.Hour} {
		if wait, more := (Outcome{Result: Busy, RetryAfter: after}).Wait(1); !more || wait < want || wait > want+want/5 {
			t.Errorf("Retry-After %v: %v", after, wait)
		}
	}
	date := time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"Sat, 21 Nov 2026 16:01:00 GMT": time.Minute, "Sat, 21 Nov 2026 15:01:00 GMT": 0, "": 0, "99999999999999999999": 0} {
		if got := retryAfter(text, date); got != want {
			t.Errorf("Retry-After %q: %v", text, got)
		}
	}
}

func TestSecrets(t *testing.T) {
	a, b := NewSecret(), NewSecret()
	if a.Reveal() == b.Reveal() || !strings.HasPrefix(a.Reveal(), "whsec_") {
		t.Errorf("two secrets are alike, or have no prefix")
	}
	if text := fmt.Sprintf("%v %s %+v %x", a, a, delivery("x", a), a); strings.Contains(text, strings.TrimPrefix(a.Reveal(), "whsec_")) {
		t.Error("a secret prints")
	}
	again, err := ParseSecret(a.Reveal())
	if err != nil || again.Reveal() != a.Reveal() {
		t.Errorf("%v", err)
	}
	of := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for text, ok := range map[string]bool{of(24): true, of(64): true, of(23): false, of(65): false, strings.TrimPrefix(of(32), "whsec_"): false, "whsec_???": false, "": false} {
		if _, err := ParseSecret(text); (err == nil) != ok {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
}
