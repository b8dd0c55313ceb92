package keycloak

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// slowAnswer is from where on an answer is a sign that Keycloak has more on
	// its hands than it can do: a batch of fifty accounts takes some 60 ms, and
	// Keycloak queues without bound instead of refusing.
	slowAnswer = 5 * time.Second
	// cutEvery is how often the pace is cut at most: calls that were on the way
	// together tell of one and the same trouble.
	cutEvery = time.Second
)

// pace bounds how many calls are on the way at once. The bound is halved when
// Keycloak refuses for want of room (429, 503), does not answer or answers
// slowly, and grows by one with each round of good answers, up to what the
// configuration allows. Who waits is let in in the order of arrival.
type pace struct {
	most int

	mu      sync.Mutex
	bound   float64
	going   int
	waiting []chan struct{} // closed when its owner may go
	cutAt   time.Time
}

func newPace(most int) *pace { return &pace{most: most, bound: float64(most)} }

// enter waits for a place. An error is the context's, and no place was taken.
func (p *pace) enter(ctx context.Context) error {
	p.mu.Lock()
	if len(p.waiting) == 0 && p.going < int(p.bound) {
		p.going++
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return ctx.Err()
		}
	}
	p.going-- // it had just been let in
	p.admit()
	return ctx.Err()
}

// leave gives the place back.
func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.going--
	p.admit()
}

// admit lets in as many as there is room for; the lock is held.
func (p *pace) admit() {
	for len(p.waiting) > 0 && p.going < int(p.bound) {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.going++
	}
}

// observe learns from one attempt of a call.
func (p *pace) observe(response *http.Response, err error, took time.Duration) {
	strained := err != nil || took > slowAnswer ||
		response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !strained:
		p.bound = min(p.bound+1/p.bound, float64(p.most))
	case time.Since(p.cutAt) >= cutEvery:
		p.bound, p.cutAt = max(p.bound/2, 1), time.Now()
	}
	p.admit()
}
