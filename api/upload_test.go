package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestUploadHints(t *testing.T) {
	w := newWorld(t)
	got := w.do(form("hr-cdek", "/v1/tenants/cdek/imports", "mapping", `{"phone":"D"}`, "file", "x", "sheet", "Список", "header_line", "4"))
	if got.Code != 202 || w.upload.Hints.Mapping["phone"] != "D" || w.upload.Hints.Sheet != "Список" || w.upload.Hints.HeaderLine != 4 {
		t.Errorf("%d %s %+v", got.Code, got.Body, w.upload.Hints)
	}
	for code_, parts := range map[string][]string{
		"mapping_invalid": {"file", "x", "mapping", `["phone"]`},
		"field_invalid":   {"file", "x", "header_line", "0"},
	} {
		if got := w.do(form("hr-cdek", "/v1/tenants/cdek/imports", parts...)); code(t, got) != code_ {
			t.Errorf("%v: %d %s", parts, got.Code, got.Body)
		}
	}
}

func TestAnUploadThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	w := newWorld(t)
	r := form("hr-cdek", "/v1/tenants/cdek/imports", "file", "x")
	read := false
	r.Body, r.ContentLength = io.NopCloser(readerFunc(func([]byte) (int, error) { read = true; return 0, io.EOF })), 100<<20
	if got := w.do(r); code(t, got) != "file_too_large" || got.Code != 413 || read {
		t.Errorf("%d %s, read: %v", got.Code, got.Body, read)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// sink is the use cases of uploads: it counts what comes.
type sink struct {
	api.Rosters
	bytes atomic.Int64
}

func (s *sink) Receive(_ context.Context, _ tenancy.Actor, u api.Upload) (roster.Import, error) {
	n, err := io.Copy(io.Discard, u.Content)
	s.bytes.Store(n)
	return anImport(roster.Received), err
}

// listen serves uploads on a connection.
func listen(t *testing.T, rosters api.Rosters, spoolDir string) (*api.Server, string) {
	w := &world{t: t}
	server := api.New(api.Options{
		Tokens: w, Snapshots: w, Rosters: rosters, Employees: w, Metrics: prometheus.NewRegistry(), SpoolDir: spoolDir,
		Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	return server, h.URL
}

// sending is a form whose file is generated as it is sent.
func sending(t *testing.T, url string, file io.Reader) *http.Request {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("file", "list.csv")
		if err == nil {
			_, err = io.Copy(part, file)
		}
		if err == nil {
			err = form.Close()
		}
		_ = w.CloseWithError(err)
	}()
	request, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/tenants/cdek/imports", r)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer hr-cdek")
	request.Header.Set("Content-Type", form.FormDataContentType())
	return request
}

// TestAnUploadCostsNoMemory sends a hundred megabytes and watches the heap.
func TestAnUploadCostsNoMemory(t *testing.T) {
	const size = 100 << 20
	s := &sink{}
	dir := t.TempDir()
	_, url := listen(t, s, dir)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
				t.Errorf("files have names: %v %v", files, err)
			}
		}
	})
	answer, err := http.DefaultClient.Do(sending(t, url, io.LimitReader(readerFunc(func(b []byte) (int, error) { return len(b), nil }), size)))
	close(done)
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 202 || s.bytes.Load() != size {
		t.Fatalf("%d, %d bytes arrived", answer.StatusCode, s.bytes.Load())
	}
	if grown := int64(peak) - int64(before.HeapInuse); grown > 32<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	} else {
		t.Logf("100 MB sent, the heap grew by %d MB", grown>>20)
	}
}

// trickle gives a byte now and then.
type trickle struct{ every time.Duration }

func (t trickle) Read(b []byte) (int, error) {
	time.Sleep(t.every)
	return copy(b, "x"), nil
}

func TestASlowSender(t *testing.T) {
	for _, test := range []struct {
		name   string
		file   io.Reader
		status int
	}{
		{"stands still", trickle{5 * time.Second}, 408},
		{"sends a byte now and then", trickle{30 * time.Millisecond}, 408},
		{"is slow and honest", io.LimitReader(readerFunc(func(b []byte) (int, error) {
			time.Sleep(20 * time.Millisecond)
			return min(len(b), 1000), nil
		}), 80_000), 202},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, url := listen(t, &sink{}, t.TempDir())
			server.SetPace(300*time.Millisecond, 600*time.Millisecond, 10_000)
			began := time.Now()
			answer, err := http.DefaultClient.Do(sending(t, url, test.file))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			b, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != test.status || test.status == 408 && !strings.Contains(string(b), `"upload_stalled"`) {
				t.Errorf("%d %s", answer.StatusCode, b)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestOnlySoManyUploads holds a tenant's uploads open: the next is told to come
// again, and comes through when one has ended.
func TestOnlySoManyUploads(t *testing.T) {
	server, url := listen(t, &sink{}, t.TempDir())
	var open []*io.PipeWriter
	var ended sync.WaitGroup
	for range api.TenantUploads {
		r, w := io.Pipe()
		open = append(open, w)
		ended.Go(func() {
			answer, err := http.DefaultClient.Do(sending(t, url, r))
			if err != nil || answer.StatusCode != 202 {
				t.Errorf("%v %v", answer, err)
				return
			}
			answer.Body.Close()
		})
	}
	for end := time.Now().Add(5 * time.Second); server.Receiving() < api.TenantUploads; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d are being received", server.Receiving())
		}
	}
	another := func() *http.Response {
		answer, err := http.DefaultClient.Do(sending(t, url, strings.NewReader("x")))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	if answer := another(); answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %d %v", answer.StatusCode, answer.Header)
	}
	for _, w := range open {
		w.Close()
	}
	ended.Wait()
	if answer := another(); answer.StatusCode != 202 {
		t.Errorf("after they have ended: %d", answer.StatusCode)
	}
}

// TestContinueIsSaidToThoseWhoMay sends only headers, as clients do that ask
// before they send a large file.
func TestContinueIsSaidToThoseWhoMay(t *testing.T) {
	_, url := listen(t, &sink{}, t.TempDir())
	ask := func(caller string, length int) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "POST /v1/tenants/cdek/imports HTTP/1.1\r\nHost: opora\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", caller, length)
		status, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(status)
	}
	for _, test := range []struct {
		caller string
		length int
		want   string
	}{
		{"hr-cdek", 1000, "HTTP/1.1 100 Continue"},
		{"hr-cdek", 500 << 20, "HTTP/1.1 413 Request Entity Too Large"},
		{"hr-avito", 1000, "HTTP/1.1 404 Not Found"},
		{"nobody", 1000, "HTTP/1.1 401 Unauthorized"},
	} {
		if got := ask(test.caller, test.length); got != test.want {
			t.Errorf("%s, %d bytes: %s", test.caller, test.length, got)
		}
	}
}

func TestASenderThatBreaksOffLeavesNothing(t *testing.T) {
	s := &sink{}
	s.bytes.Store(-1)
	_, url := listen(t, s, t.TempDir())
	_, err := http.DefaultClient.Do(sending(t, url, io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))))
	if err == nil {
		t.Fatal("it did not break off")
	}
	time.Sleep(50 * time.Millisecond)
	if s.bytes.Load() != -1 {
		t.Error("half a list was received")
	}
}
