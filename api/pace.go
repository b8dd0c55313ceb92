package api

import (
	"errors"
	"io"
	"time"
)

// pace is how slowly a file may come. An honest line that is slow sends a
// hundred megabytes in most of an hour; who sends a byte now and then to hold a
// connection is cut off.
type pace struct {
	stall time.Duration // longest time without a byte
	grace time.Duration // from when on the rate is looked at
	rate  float64       // bytes a second, on the average
}

var usualPace = pace{stall: 30 * time.Second, grace: 30 * time.Second, rate: 8 << 10}

var errStalled = errors.New("the request's body comes too slowly")

// of reads the body at no less than the pace. deadline sets when the
// connection's next read has to end; where there is none to set, as in a test
// without a connection, that is ignored.
func (p pace) of(body io.ReadCloser, deadline func(time.Time) error) io.ReadCloser {
	return &paced{ReadCloser: body, pace: p, deadline: deadline, began: time.Now()}
}

// paced is a body that is read at a pace.
type paced struct {
	io.ReadCloser
	pace
	deadline func(time.Time) error
	began    time.Time
	set      time.Time // when the deadline was last moved
	bytes    int64
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	now := time.Now()
	if now.Sub(p.set) > p.stall/16 { // a read takes microseconds: not before each
		p.set = now
		_ = p.deadline(now.Add(p.stall))
	}
	n, err := p.ReadCloser.Read(b)
	p.bytes += int64(n)
	if took := time.Since(p.began); err == nil && took > p.grace && float64(p.bytes) < p.rate*took.Seconds() {
		err = errStalled
	}
	return n, err
}
