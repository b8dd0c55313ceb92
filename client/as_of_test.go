package client_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// An answer that lacks a change is never said to be as of a time at which the
// change was there, however long questions and answers are on their way.
func TestAsOfIsHonest(t *testing.T) {
	for _, maxStale := range []time.Duration{200 * time.Millisecond, 2 * time.Second} {
		t.Run(fmt.Sprint(maxStale), func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			f := &fault{}
			f.strike = func(r *http.Request) *http.Response {
				time.Sleep(rand.N(40 * time.Millisecond))
				answer, err := http.DefaultTransport.RoundTrip(r)
				time.Sleep(rand.N(40 * time.Millisecond))
				if err != nil {
					return reply(502, "", "")
				}
				return answer
			}
			config := f.through(t, soon(s))
			config.MaxStale = maxStale
			c := openReady(t, config, nil)

			var mu sync.Mutex
			there := map[int]time.Time{} // by revision: it was there then
			stop := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() {
				for revision := 2; ; revision++ { // the first is newServer's
					select {
					case <-stop:
						return
					case <-time.After(rand.N(200 * time.Millisecond)):
					}
					s.Put(courier(anna))
					mu.Lock()
					there[revision] = time.Now()
					mu.Unlock()
				}
			})
			seen := map[int]bool{}
			for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
				a := check(t, c, ask(anna))
				_, of, _ := strings.Cut(a.Revision, ".")
				revision, err := strconv.Atoi(of)
				if err != nil {
					t.Fatal(a.Revision)
				}
				seen[revision] = true
				mu.Lock()
				next, ok := there[revision+1]
				mu.Unlock()
				if ok && a.AsOf.After(next) {
					t.Fatalf("as of %v, and lacks what was there %v before", a.AsOf, a.AsOf.Sub(next))
				}
			}
			close(stop)
			all.Wait()
			if len(seen) < 5 {
				t.Errorf("%d revisions were seen", len(seen))
			}
			if a := agrees(t, c, s, ask(anna)); a.Reason != client.OK {
				t.Error(a.Reason)
			}
		})
	}
}
