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

// waker is a worker's own look at what died with another one. Every worker
// looks: the one that River has made its leader may be the one that died.
type waker struct {
	uploads interface{ WakeParses(context.Context) error }
	log     *slog.Logger
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

func (w *waker) start(ctx context.Context) {
	ctx, w.cancel = context.WithCancel(ctx)
	w.done.Go(func() { w.run(ctx) })
}

func (w *waker) stop() {
	if w.cancel != nil {
		w.cancel()
		w.done.Wait()
	}
}

func (w *waker) run(ctx context.Context) {
	look := time.NewTicker(wakeEvery)
	defer look.Stop()
	for {
		looking, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := w.uploads.WakeParses(looking)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.log.Warn("cannot look for lists whose reading has stopped", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}
