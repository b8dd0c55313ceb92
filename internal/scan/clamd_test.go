package scan_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/scan"
	"github.com/ponimayu/opora/internal/scan/scantest"
	"github.com/ponimayu/opora/internal/tenancy"
)

func codeOf(err error) string {
	var p tenancy.Problem
	var e *tenancy.Error
	switch {
	case errors.As(err, &p):
		return string(p.Code)
	case errors.As(err, &e):
		return e.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

func TestScan(t *testing.T) {
	daemon := scantest.Start(t)
	for _, test := range []struct {
		name, content, want string
	}{
		{"a clean list", "Табельный номер;ФИО\n1;Примеров Иван\n", ""},
		{"nothing at all", "", ""},
		{"what is found", scantest.EICAR(), "file_infected"},
		{"found after megabytes", strings.Repeat("x", 3<<20) + scantest.EICAR(), "file_infected"},
		{"more than it takes", strings.Repeat("x", scantest.StreamMaxLength+1), "scan_limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clamd, err := scan.New(daemon.Address)
			if err != nil {
				t.Fatal(err)
			}
			if got := codeOf(clamd.Scan(t.Context(), strings.NewReader(test.content))); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// answering is a daemon that takes a whole stream and says one thing.
func answering(t *testing.T, answer string) *scan.Clamd {
	path := filepath.Join(t.TempDir(), "clamd")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, conn, int64(len("zINSTREAM\x00")))
			for {
				var n uint32
				if binary.Read(conn, binary.BigEndian, &n) != nil || n == 0 {
					break
				}
				_, _ = io.CopyN(io.Discard, conn, int64(n))
			}
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	clamd, err := scan.New("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return clamd
}

func TestWhatTheDaemonSays(t *testing.T) {
	for answer, want := range map[string]string{
		"stream: OK\x00": "",
		"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\x00": "scan_limit",
		"stream: Win.Test-1 FOUND\x00":                             "file_infected",
		"stream: Can't allocate memory ERROR\x00":                  "scanner_unavailable",
		"UNKNOWN COMMAND\x00":                                      "scanner_unavailable",
		"stream: OK":                                               "scanner_unavailable", // cut off
		"":                                                         "scanner_unavailable",
	} {
		if got := codeOf(answering(t, answer).Scan(t.Context(), strings.NewReader("x"))); got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
	}
	strange := answering(t, "stream: bad\nname<b> FOUND\x00").Scan(t.Context(), strings.NewReader("x"))
	if strange == nil || strings.ContainsAny(strange.Error(), "\n<>") {
		t.Errorf("the name is passed on as it is: %v", strange)
	}
}

func TestTheDaemonIsNotThere(t *testing.T) {
	clamd, err := scan.New("unix:" + filepath.Join(t.TempDir(), "nothing"))
	if err != nil {
		t.Fatal(err)
	}
	if got := codeOf(clamd.Scan(t.Context(), strings.NewReader("x"))); got != "scanner_unavailable" {
		t.Error(got)
	}
}

func TestADaemonThatDoesNotAnswerIsLeft(t *testing.T) {
	daemon := scantest.Start(t)
	daemon.Hang(true)
	clamd, err := scan.New(daemon.Address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if got := codeOf(clamd.Scan(ctx, strings.NewReader("x"))); got != "scanner_unavailable" || time.Since(began) > 5*time.Second {
		t.Errorf("%q after %v", got, time.Since(began))
	}
}

// What says that a file is clean before it has come is no scanner.
func TestAFileThatWasNotSentWholeIsNotClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clamd.ctl")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, conn, 1<<20)
		_, _ = io.WriteString(conn, "stream: OK\x00")
		_ = conn.(*net.UnixConn).CloseRead() // it listens no more; its answer is to be read
		_, _ = io.Copy(io.Discard, conn)
		time.Sleep(time.Second)
		conn.Close()
	}()
	clamd, err := scan.New("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if got := codeOf(clamd.Scan(t.Context(), bytes.NewReader(make([]byte, 16<<20)))); got != "scanner_unavailable" {
		t.Errorf("%q", got)
	}
}

type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	if n, _ := b.Reader.Read(p); n > 0 {
		return n, nil
	}
	return 0, errors.New("the disk is broken")
}

func TestAFileThatCannotBeReadIsNotClean(t *testing.T) {
	daemon := scantest.Start(t)
	clamd, err := scan.New(daemon.Address)
	if err != nil {
		t.Fatal(err)
	}
	if err := clamd.Scan(t.Context(), broken{bytes.NewReader(make([]byte, 1000))}); err == nil {
		t.Error("half a file is clean")
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"unix:/run/clamav/clamd.ctl": true, "tcp:127.0.0.1:3310": true, "tcp:[::1]:3310": true,
		"": false, "unix:": false, "tcp:host": false, "http://x": false, "/run/clamd": false,
	} {
		if _, err := scan.New(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
