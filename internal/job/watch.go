package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ponimayu/opora/internal/roster"
)

// KeepParseFor is how long a claim holds without a sign of life, keepEvery how
// often there is one. A parse whose process was killed is taken up by another
// when its claim runs out: in seconds, and not before a slow database has had
// several chances to take the sign.
const (
	KeepParseFor = 6 * time.Second
	keepEvery    = time.Second
)

// ErrLost says that a claim does not hold any more: another process has taken
// over, or somebody has cancelled the import.
var ErrLost = errors.New("the import is not this process's to parse any more")

// watch keeps a claim alive while its work goes on, and ends the work when the
// claim is lost.
type watch struct {
	cancel  context.CancelCauseFunc
	done    sync.WaitGroup
	stopped chan struct{}

	mu       sync.Mutex
	progress roster.Progress
	lost     bool
}

// keepWatch begins to give signs of life. The work runs under the context that
// it returns, which ends when the claim is lost.
func keepWatch(ctx context.Context, uploads Uploads, p *Parsing) (context.Context, *watch) {
	held, cancel := context.WithCancelCause(ctx)
	w := &watch{cancel: cancel, stopped: make(chan struct{})}
	p.watch = w
	w.done.Go(func() { w.run(held, uploads, p) })
	return held, w
}

func (w *watch) run(ctx context.Context, uploads Uploads, p *Parsing) {
	beat := time.NewTicker(keepEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.stopped:
			return
		case <-beat.C:
		}
		// A sign that does not get through is no reason to stop: whether the claim
		// held is decided when the work is committed.
		keeping, cancel := context.WithTimeout(ctx, keepEvery)
		err := uploads.KeepParse(keeping, p, w.now())
		cancel()
		if errors.Is(err, ErrLost) {
			w.lose()
			return
		}
	}
}

func (w *watch) note(progress roster.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress = progress
}

func (w *watch) now() roster.Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress
}

func (w *watch) lose() {
	w.mu.Lock()
	w.lost = true
	w.mu.Unlock()
	w.cancel(ErrLost)
}

// end stops the signs and says whether the claim was lost meanwhile.
func (w *watch) end() bool {
	close(w.stopped)
	w.cancel(nil)
	w.done.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}
