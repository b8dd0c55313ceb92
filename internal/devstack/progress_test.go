package devstack

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"
)

// TestBarsEnd sees that bars of both kinds end, by success and by failure:
// otherwise the program would wait for them for ever.
func TestBarsEnd(t *testing.T) {
	var drawn strings.Builder
	p := &Progress{w: io.Discard, bars: mpb.New(mpb.WithOutput(&drawn), mpb.WithAutoRefresh(), mpb.WithWidth(20))}
	spinner, bar, broken := p.begin("starting", 0), p.begin("fetching", 1000), p.begin("breaking", 1000)
	_, _ = bar.Write(make([]byte, 400))
	if err := broken.end(io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("end returned %v", err)
	}
	_ = bar.end(nil)
	_ = spinner.end(nil)
	done := make(chan struct{})
	go func() { p.finish(true); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("a bar did not end")
	}
	for _, name := range []string{"starting", "fetching"} {
		if !strings.Contains(drawn.String(), name) {
			t.Errorf("%s was never drawn", name)
		}
	}
}

// TestUnfinishedBarsAreTakenAway sees that a start that broke off does not
// wait for steps that nobody will end.
func TestUnfinishedBarsAreTakenAway(t *testing.T) {
	p := &Progress{w: io.Discard, bars: mpb.New(mpb.WithOutput(io.Discard), mpb.WithAutoRefresh())}
	p.begin("starting", 0)
	done := make(chan struct{})
	go func() { p.finish(false); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it waits for an unfinished bar")
	}
}

func TestPlainProgress(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&b)
	s := p.begin("fetching", 1000)
	for range 10 {
		_, _ = s.Write(make([]byte, 100))
	}
	_ = s.end(nil)
	if got := b.String(); strings.Count(got, "%") != 9 || !strings.Contains(got, "fetching: done in") || strings.Contains(got, "\x1b") {
		t.Errorf("plain progress:\n%s", got)
	}
}
