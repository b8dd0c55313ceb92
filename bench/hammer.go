package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// prepared is how many requests each connection has ready before the clock runs,
// to be sent again from the first when they are all sent.
const prepared = 512

// hammer asks from several connections for the duration, each waiting for its
// answer before it asks again. What is sent was made up before, and answers are
// read no further than is needed: on a machine that both sides share, a client
// that costs as much as the server would be half of what is measured.
func hammer(ctx context.Context, ask func(int) *http.Request, duration time.Duration) load {
	var failed atomic.Int64
	callers := make([]*caller, connections)
	var ready sync.WaitGroup
	for c := range callers {
		ready.Go(func() {
			var err error
			if callers[c], err = newCaller(ask, c); err != nil {
				failed.Add(1)
			}
		})
	}
	ready.Wait()
	if failed.Load() > 0 {
		return load{failed: failed.Load(), took: duration}
	}
	began := time.Now()
	per := make([][]time.Duration, connections)
	var all sync.WaitGroup
	for c, caller := range callers {
		all.Go(func() {
			defer caller.conn.Close()
			for i := 0; time.Since(began) < duration && ctx.Err() == nil; i++ {
				sent := time.Now()
				if err := caller.call(i); err != nil {
					failed.Add(1)
					return
				}
				per[c] = append(per[c], time.Since(sent))
			}
		})
	}
	all.Wait()
	return load{latencies: slices.Concat(per...), took: time.Since(began), failed: failed.Load()}
}

// caller is one connection and what is sent over it.
type caller struct {
	conn     net.Conn
	answers  *bufio.Reader
	requests [][]byte
}

func newCaller(ask func(int) *http.Request, first int) (c *caller, err error) {
	c = &caller{}
	for i := range prepared {
		req := ask(first + i*connections)
		if c.conn == nil {
			if c.conn, err = net.DialTimeout("tcp", req.URL.Host, 10*time.Second); err != nil {
				return nil, err
			}
			c.answers = bufio.NewReader(c.conn)
		}
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			return nil, err
		}
		c.requests = append(c.requests, wire.Bytes())
	}
	return c, nil
}

// call sends the i-th request and reads its answer, which must be 200 and tell
// its length.
func (c *caller) call(i int) error {
	if i%prepared == 0 {
		if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
	}
	if _, err := c.conn.Write(c.requests[i%prepared]); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("the answer is %s", line)
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("the answer does not tell its length")
	}
	_, err := c.answers.Discard(length)
	return err
}
