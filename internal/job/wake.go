package job

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// wakeEvery is how often a worker looks for parses that nobody does any more.
// River would take a dead worker's job up too, but a minute and a half later.
const wakeEvery = 2 * time.Second

// waker is a worker's own look at what has come to wait. Every worker looks:
// the one that River has made its leader may be the one that died. Looks of
// several workers at once do no harm. A nil waker does nothing.
type waker struct {
	what   string // is looked for
	every  time.Duration
	look   func(context.Context) error
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (w *waker) start(ctx context.Context) {
	if w == nil {
		return
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.done.Go(func() { w.run(ctx) })
}

func (w *waker) stop() {
	if w != nil && w.cancel != nil {
		w.cancel()
		w.done.Wait()
	}
}

func (w *waker) run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		looking, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := w.look(looking)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.log.Warn("cannot look for "+w.what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
