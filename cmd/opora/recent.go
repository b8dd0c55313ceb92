package main

import (
	"context"
	"sync"
	"time"
)

// recentTime bounds one question of a recent answer.
const recentTime = 5 * time.Second

// recent is an answer that metrics are made from: asked for when they are
// scraped, and not again while it is younger than its term. While there is none
// to be had, what was known last is not told: it may not be so any more.
type recent[T any] struct {
	ask  func(context.Context, time.Time) (T, error)
	term time.Duration

	mu    sync.Mutex
	asked time.Time
	known T
}

// at returns the answer as of now, or T's zero when it could not be had.
func (r *recent[T]) at(now time.Time) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.asked) < r.term {
		return r.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), recentTime)
	defer cancel()
	all, err := r.ask(ctx, now)
	if err != nil {
		var none T
		all = none
	}
	r.asked, r.known = now, all
	return all
}
