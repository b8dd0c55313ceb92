package keycloak

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func (p *pace) now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.bound)
}

func TestThePaceFollowsTheAnswers(t *testing.T) {
	good := &http.Response{StatusCode: 200}
	for name, sign := range map[string]func(*pace){
		"503":             func(p *pace) { p.observe(&http.Response{StatusCode: 503}, nil, time.Millisecond) },
		"429":             func(p *pace) { p.observe(&http.Response{StatusCode: 429}, nil, time.Millisecond) },
		"no answer":       func(p *pace) { p.observe(nil, errors.New("cut"), time.Millisecond) },
		"a late answer":   func(p *pace) { p.observe(good, nil, slowAnswer+1) },
		"many of one day": func(p *pace) { p.observe(nil, errors.New("cut"), 0); p.observe(nil, errors.New("cut"), 0) },
	} {
		p := newPace(8)
		if sign(p); p.now() != 4 {
			t.Errorf("%s: the bound is %d, want 4", name, p.now())
		}
		for range 4 {
			p.observe(good, nil, time.Millisecond)
		}
		if p.now() < 4 || p.now() > 5 {
			t.Errorf("%s: after four good answers the bound is %d: it grows by one a round", name, p.now())
		}
		for range 60 {
			p.observe(good, nil, time.Millisecond)
		}
		if p.now() != 8 {
			t.Errorf("%s: after many good answers the bound is %d, want 8", name, p.now())
		}
	}
	p := newPace(8)
	for range 10 {
		p.cutAt = time.Time{}
		p.observe(nil, errors.New("cut"), 0)
	}
	if p.now() != 1 {
		t.Errorf("the bound is %d, want at least and at last 1", p.now())
	}
}

func TestThePaceHoldsAndLetsInByTurns(t *testing.T) {
	p := newPace(3)
	var going, most atomic.Int32
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if err := p.enter(t.Context()); err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), going.Add(1)))
			time.Sleep(time.Millisecond)
			going.Add(-1)
			p.leave()
		})
	}
	all.Wait()
	if most.Load() != 3 || p.going != 0 {
		t.Errorf("%d at once, %d left behind", most.Load(), p.going)
	}
	// Who gives up while waiting takes no place with him.
	for range 3 {
		_ = p.enter(t.Context())
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { gone <- p.enter(ctx) }()
	time.Sleep(10 * time.Millisecond)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	p.leave()
	if err := p.enter(t.Context()); err != nil || p.going != 3 {
		t.Errorf("%v, %d going", err, p.going)
	}
}
