package devstack

import (
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bare is a stack of no parts, for what Exec does around a command.
func bare(t *testing.T) *Stack {
	t.Helper()
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(procs.close)
	return &Stack{spec: Spec{Self: os.Args[0]}, procs: procs}
}

func TestExecStatus(t *testing.T) {
	for _, tt := range []struct {
		command string
		status  int
	}{
		{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"no-such-program-at-all 2>/dev/null", 127},
	} {
		got, err := bare(t).Exec(t.Context(), tt.command, nil, io.Discard, io.Discard)
		if err != nil || got != tt.status {
			t.Errorf("%s: status %d (%v), want %d", tt.command, got, err, tt.status)
		}
	}
}

func TestExecPassesStreamsAndPath(t *testing.T) {
	var out, errs strings.Builder
	status, err := bare(t).Exec(t.Context(), `cat; echo "${PATH%%:*}" >&2`, strings.NewReader("through"), &out, &errs)
	if err != nil || status != 0 {
		t.Fatalf("status %d, %v", status, err)
	}
	if out.String() != "through" {
		t.Errorf("stdout = %q", out.String())
	}
	if dir := os.Args[0][:strings.LastIndexByte(os.Args[0], '/')]; strings.TrimSpace(errs.String()) != dir {
		t.Errorf("PATH begins with %q, want our own folder %q", errs.String(), dir)
	}
}

// sayReady is a writer that closes ready at its first line.
type sayReady struct{ ready chan struct{} }

func (s sayReady) Write(b []byte) (int, error) {
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
	return len(b), nil
}

func TestExecHandsSignalsOn(t *testing.T) {
	s := bare(t)
	ready := make(chan struct{})
	go func() {
		<-ready
		_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	}()
	status, err := s.Exec(t.Context(), `trap 'exit 42' USR1; echo ready; while :; do sleep 0.05; done`, nil, sayReady{ready}, io.Discard)
	if err != nil || status != 42 {
		t.Errorf("status %d (%v), want the trap's 42", status, err)
	}
}

func TestExecEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, ErrOrphaned)
	defer cancel()
	began := time.Now()
	status, err := bare(t).Exec(ctx, "sleep 4715", nil, io.Discard, io.Discard)
	if err == nil || status != 128+int(syscall.SIGTERM) || time.Since(began) > 3*time.Second {
		t.Errorf("status %d, %v after %s", status, err, time.Since(began))
	}
}
