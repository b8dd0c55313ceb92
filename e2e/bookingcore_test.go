//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ponimayu/opora/examples/bookingcore/bookingtest"
)

// startBookingCore builds examples/bookingcore and runs it on the stack, with
// a database of its own, until the test ends. It returns its address and what
// it writes to its log, which stop fills.
func startBookingCore(t *testing.T) (address string, stop func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bookingcore")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../examples/bookingcore").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	free.Close()
	var log bytes.Buffer
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "BOOKING_DATABASE_URL="+bookingtest.Database(t), "BOOKING_LISTEN="+listen)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended sync.Once
	stop = func() string {
		ended.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the booking core ends with %v:\n%s", err, log.String())
			}
		})
		return log.String()
	}
	t.Cleanup(func() { stop() })
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		answer, err := http.Get("http://" + listen + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusNoContent {
				return "http://" + listen, stop
			}
		}
		if time.Since(start) > 30*time.Second {
			t.Fatalf("the booking core is not ready:\n%s", stop())
		}
	}
}

// signIn activates an employee's account by the code on his sheet and returns
// his tokens.
func signIn(t *testing.T, s *stack, hr string, e employee) tokens {
	t.Helper()
	sheet := into[struct {
		Items []struct{ Login, Code string }
	}](t, s.call(s.token(hr), "POST", "/v1/tenants/"+e.tenant+"/activations", map[string]any{"employee_ids": []string{e.id}}), http.StatusCreated)
	at := open(t, s, newBrowser(t), "openid")
	p := at.identify(e.login, sheet.Items[0].Code)
	for range 3 { // a worker hands the code over; that takes a moment
		if p.refused() {
			time.Sleep(3 * time.Second)
			p = at.identify(e.login, sheet.Items[0].Code)
		}
	}
	got, err := at.tokens(at.chooseOwn("Длинный пароль 2026"), at.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// imports hands a list in and waits until it is applied.
func (s *stack) imports(hr, tenant, mode string, staff []person) {
	s.t.Helper()
	i := into[imported](s.t, s.upload(s.token(hr), tenant, workbook(s.t, staff), map[string]string{"mode": mode}), http.StatusAccepted)
	s.await(s.token(hr), i.ID, "planned")
	into[imported](s.t, s.call(s.token(hr), "POST", "/v1/imports/"+i.ID+"/apply", nil), http.StatusAccepted)
	s.await(s.token(hr), i.ID, "applied")
}

// TestBookingCoreOnTheStack runs the example as an outside team's program: an
// employee of a list signs in and books what he has, many times at once, and
// not one more; he leaves, and what he booked beyond his last day is gone.
func TestBookingCoreOnTheStack(t *testing.T) {
	s := newStack(t)
	staff := people(2)
	s.imports("HR_CDEK", "cdek", "add", staff)
	someone := s.findOne(s.token("HR_CDEK"), "cdek", staff[0].no)
	address, stop := startBookingCore(t)
	core := *s // the same calls, to another service
	core.opora = address
	signed := signIn(t, s, "HR_CDEK", someone)
	at := time.Now().Add(20 * 24 * time.Hour).Truncate(24 * time.Hour).Add(7 * time.Hour) // beyond CDEK's 14 days of grace
	wish := func(i int) map[string]any {
		return map[string]any{"specialist_type": "psychologist", "at": at.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)}
	}
	post := func(token, path string, body any) reply {
		return core.once(token, path, fmt.Sprint(time.Now().UnixNano()), body)
	}

	for token, code := range map[string]string{"": "token_invalid", signed.ID: "token_invalid", s.token("BOOKING"): "role_missing"} {
		if r := post(token, "/v1/appointments", wish(0)); r.code() != code {
			t.Errorf("a token that is not an employee's: %s, want %s", r, code)
		}
	}
	left := into[decision](t, post(signed.Access, "/v1/allowance", wish(0)), 200).Remaining
	if left < 6 {
		t.Fatalf("a new courier has %d left", left)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for i := range left + 20 {
		all.Go(func() {
			r := core.once(signed.Access, "/v1/appointments", fmt.Sprintf("racer-%04d", i), wish(i))
			mu.Lock()
			defer mu.Unlock()
			codes[fmt.Sprint(r.status, r.code())]++
		})
	}
	all.Wait()
	if codes["201"] != left || codes["409quota_exhausted"] != 20 {
		t.Fatalf("%d were left, and of %d racers: %v", left, left+20, codes)
	}

	s.imports("HR_CDEK", "cdek", "leavers", staff[:1])
	applied := time.Now()
	for {
		d := into[decision](t, post(signed.Access, "/v1/allowance", wish(0)), 200)
		if d.Reason == "employee_inactive" {
			break
		}
		if time.Since(applied) > 5*time.Second {
			t.Fatalf("five seconds after the commit a leaver is answered %+v", d)
		}
	}
	if r := post(signed.Access, "/v1/appointments", wish(99)); r.status != 409 || r.code() != "employee_inactive" {
		t.Errorf("a leaver books: %s", r)
	}
	for start := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		mine := into[struct {
			Items []struct{ State, Uncovered string }
		}](t, core.call(signed.Access, "GET", "/v1/appointments", nil), 200)
		booked := 0
		for _, a := range mine.Items {
			if a.State == "booked" {
				booked++
			}
		}
		if len(mine.Items) == left && booked == 0 {
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("a leaver's appointments stay: %+v", mine)
		}
	}
	if log := stop(); strings.Contains(log, someone.id) || strings.Contains(log, "psychologist") || !strings.Contains(log, "cancelled="+fmt.Sprint(left)) {
		t.Errorf("the log:\n%s", log)
	}
}

// once posts under an Idempotency-Key.
func (s *stack) once(token, path, key string, body any) reply {
	s.t.Helper()
	return s.with(http.Header{"Idempotency-Key": {key}}).call(token, "POST", path, body)
}
