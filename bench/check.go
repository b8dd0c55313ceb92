package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/ponimayu/opora/internal/tenancy"
)

// connections is how many callers ask at once on either side.
const connections = 16

// checkTurns is how often the sides take turns: a busy second of the machine must
// hit all.
const checkTurns = 20

// benchCheck asks Opora's check, token and all, about everybody who is held,
// and sets the answers per second and the slowest in a hundred against a bare
// chi handler that returns a fixed JSON of the same size, and the answers per
// second against others who answer such a question.
func benchCheck(ctx context.Context, s stack, ids []tenancy.EmployeeID, duration time.Duration) (results []result, err error) {
	others, end, err := checkRivals(ctx, s)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return nil, err
	}
	token, err := bookingToken(ctx, s)
	if err != nil {
		return nil, err
	}
	ask := func(base string) func(i int) *http.Request {
		return func(i int) *http.Request { return checkRequest(base, ids[i*7919%len(ids)], token) }
	}
	answer, err := once(ask(s.OporaURL)(0))
	if err != nil {
		return nil, err
	}
	bare, stop, err := bareHandler(ctx, answer)
	if err != nil {
		return nil, err
	}
	defer stop()
	var opora, rival load
	for range checkTurns {
		opora.add(hammer(ctx, ask(s.OporaURL), duration/checkTurns))
		rival.add(hammer(ctx, ask(bare), duration/checkTurns))
		for _, other := range others {
			other.load.add(hammer(ctx, other.ask, duration/checkTurns))
		}
	}
	if opora.failed+rival.failed > 0 {
		return nil, fmt.Errorf("%d of Opora's and %d of the bare answers were not 200", opora.failed, rival.failed)
	}
	fmt.Fprintf(os.Stderr, "check: p50 %v p99 %v; bare handler p50 %v p99 %v\n",
		opora.percentile(50), opora.percentile(99), rival.percentile(50), rival.percentile(99))
	const what, beside = "POST /v1/entitlements/check", "bare chi handler, fixed JSON of the same size"
	results = []result{
		{What: what, Opora: opora.rate(), Rival: beside, RivalRate: rival.rate(), Wanted: 0.6},
		{What: what + ", 1/p99", Opora: 1 / opora.percentile(99).Seconds(), Rival: beside, RivalRate: 1 / rival.percentile(99).Seconds(), Wanted: 1. / 3},
	}
	more, err := against(ctx, what, opora, others)
	return append(results, more...), err
}

// bookingToken is the booking core's.
func bookingToken(ctx context.Context, s stack) (*oauth2.Token, error) {
	credentials := clientcredentials.Config{
		ClientID: s.BookingID, ClientSecret: s.BookingSecret,
		TokenURL: s.KeycloakURL + "/realms/" + s.Realm + "/protocol/openid-connect/token",
	}
	token, err := credentials.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return token, nil
}

// checkRequest asks whether somebody may see a psychologist tomorrow.
func checkRequest(base string, id tenancy.EmployeeID, token *oauth2.Token) *http.Request {
	body := fmt.Sprintf(`{"employee_id":%q,"specialist_type":"psychologist","at":%q}`, id, time.Now().Add(24*time.Hour).Format(time.RFC3339))
	req, _ := http.NewRequest(http.MethodPost, base+"/v1/entitlements/check", bytes.NewReader([]byte(body)))
	req.Header.Set("Content-Type", "application/json")
	token.SetAuthHeader(req)
	return req
}

// bareHandler serves the limit, chi, no token, no work, the same bytes, from a
// process of its own, as Opora is one.
func bareHandler(ctx context.Context, answer []byte) (base string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	server := exec.CommandContext(ctx, self, bareWord)
	server.Stdin, server.Stderr = bytes.NewReader(answer), os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = server.Process.Kill(); _ = server.Wait() }
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the bare handler did not start: %w", err)
	}
	return "http://" + strings.TrimSpace(address), stop, nil
}

// bareWord is the command line of the process that is the bare handler.
const bareWord = "bare-handler"

// bareIfAsked is that process: it answers with what it reads from its standard
// input, and writes its address. It ends by being killed.
func bareIfAsked() {
	if len(os.Args) != 2 || os.Args[1] != bareWord {
		return
	}
	answer, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(1)
	}
	r := chi.NewRouter()
	r.Post("/v1/entitlements/check", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	_ = server.Serve(l)
	os.Exit(1)
}

func once(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !json.Valid(body)) {
		err = fmt.Errorf("check answered %s: %s", resp.Status, body)
	}
	return body, err
}

// load is what one side answered.
type load struct {
	latencies []time.Duration
	took      time.Duration
	failed    int64
}

func (l *load) add(m load) {
	l.latencies = append(l.latencies, m.latencies...)
	l.took += m.took
	l.failed += m.failed
}

func (l *load) rate() float64 { return float64(len(l.latencies)) / l.took.Seconds() }

func (l *load) percentile(p int) time.Duration {
	slices.Sort(l.latencies)
	return l.latencies[min(len(l.latencies)*p/100, len(l.latencies)-1)].Round(time.Microsecond)
}
