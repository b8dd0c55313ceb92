package devstack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// loopback is the only address anything of a stack listens on.
const loopback = "127.0.0.1"

// portBase and portSpan bound the ports that are chosen freely: below the
// range from which the kernel takes the ports of outgoing connections, so that
// none of those takes ours between the choice and the use.
const portBase, portSpan = 20000, 12000

// ports chooses ports that are free and that this stack has not chosen yet.
type ports struct{ taken map[int]bool }

// take returns the preferred port when it is free (0: no preference), else
// another one.
func (p *ports) take(preferred int) (int, error) {
	if p.taken == nil {
		p.taken = map[int]bool{}
	}
	if preferred != 0 && p.free(preferred) {
		return preferred, nil
	}
	for range 200 {
		if port := portBase + rand.IntN(portSpan); p.free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port found between %d and %d", portBase, portBase+portSpan)
}

// free reports whether the port is free, and keeps it for the caller.
func (p *ports) free(port int) bool {
	if p.taken[port] {
		return false
	}
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	p.taken[port] = true
	return true
}
