package devstack

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Progress shows what is being done: bars on a terminal, plain lines
// elsewhere.
type Progress struct {
	w    io.Writer
	bars *mpb.Progress // nil when plain
	mu   sync.Mutex
}

// NewProgress returns a Progress that writes to w.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w}
	if f, ok := w.(*os.File); ok && drawsBars(f) {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithRefreshRate(120*time.Millisecond))
	}
	return p
}

// drawsBars reports whether f is a terminal that bars can be drawn on; some say
// that they have no width.
func drawsBars(f *os.File) bool {
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && os.Getenv("TERM") != "dumb"
}

// Say writes one line.
func (p *Progress) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf(format, args...) + "\n"
	if p.bars != nil {
		if _, err := p.bars.Write([]byte(line)); err == nil {
			return
		}
	}
	_, _ = io.WriteString(p.w, line)
}

// finish takes the bars away from the terminal, which is somebody else's from
// now on: what is said afterwards are plain lines. whole tells that every step
// has ended, so that the last state is worth drawing.
func (p *Progress) finish(whole bool) {
	p.mu.Lock()
	bars := p.bars
	p.bars = nil
	p.mu.Unlock()
	switch {
	case bars == nil:
	case whole:
		bars.Wait()
	default:
		bars.Shutdown()
	}
}

// step is one thing under way.
type step struct {
	p     *Progress
	name  string
	began time.Time
	bar   *mpb.Bar
	total int64
	done  int64
	told  int64 // tenths already told, in plain lines
}

// begin starts a step of total bytes (0: of unknown size).
func (p *Progress) begin(name string, total int64) *step {
	s := &step{p: p, name: name, began: time.Now(), total: total}
	p.mu.Lock()
	bars := p.bars
	p.mu.Unlock()
	if bars == nil {
		p.Say("opora: %s …", name)
		return s
	}
	title := mpb.PrependDecorators(decor.Name(name, decor.WC{W: 34, C: decor.DindentRight}))
	elapsed := decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)
	if total > 0 {
		s.bar = bars.AddBar(total, title, mpb.AppendDecorators(decor.CountersKibiByte("% .0f / % .0f", decor.WCSyncSpace), elapsed))
	} else {
		s.bar = bars.AddSpinner(1, title, mpb.AppendDecorators(decor.OnComplete(decor.Name("", decor.WCSyncSpace), "done"), elapsed), mpb.BarFillerClearOnComplete())
	}
	return s
}

// reach tells how many bytes of the total are done.
func (s *step) reach(done int64) {
	s.done = done
	if s.bar != nil {
		s.bar.SetCurrent(min(done, s.total-1))
		return
	}
	if tenth := done * 10 / max(s.total, 1); tenth > s.told && tenth < 10 {
		s.told = tenth
		s.p.Say("opora: %s: %d %%", s.name, tenth*10)
	}
}

// Write implements io.Writer for io.TeeReader: it counts.
func (s *step) Write(b []byte) (int, error) {
	s.reach(s.done + int64(len(b)))
	return len(b), nil
}

// end ends the step; the error, if any, is told by whoever gets it.
func (s *step) end(err error) error {
	switch {
	case s.bar != nil && err != nil:
		s.bar.Abort(false)
	case s.bar != nil:
		s.bar.SetCurrent(max(s.total, 1)) // which completes it
	case err == nil:
		s.p.Say("opora: %s: done in %s", s.name, time.Since(s.began).Round(10*time.Millisecond))
	}
	return err
}
