package devstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
)

// loopback is the only address anything of a stack listens on.
const loopback = "127.0.0.1"

// portBase and portSpan bound the ports that are chosen freely: below the
// range from which the kernel takes the ports of outgoing connections, so that
// none of those takes ours between the choice and the use.
const portBase, portSpan = 20000, 12000

// ports chooses ports that are free and that this stack has not chosen yet.
type ports struct {
	taken map[int]bool
	locks []*fileLock // of preferred ports, until the process ends
}

// take returns the preferred port when it is free (0: no preference), else
// another one.
func (p *ports) take(preferred int) (int, error) {
	if p.taken == nil {
		p.taken = map[int]bool{}
	}
	if preferred != 0 && p.reserve(preferred) && p.free(preferred) {
		return preferred, nil
	}
	for range 200 {
		if port := portBase + rand.IntN(portSpan); p.free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port found between %d and %d", portBase, portBase+portSpan)
}

// reserve keeps other starts of ours from the same usual port while this one
// has chosen it and not yet listened on it: they would talk to each other's
// servers. Where the lock cannot be made, the port itself has to tell.
func (p *ports) reserve(port int) bool {
	cache, err := cacheDir()
	if err != nil {
		return true
	}
	lock, err := tryLock(filepath.Join(cache, "ports", strconv.Itoa(port)+".lock"))
	if err == nil {
		p.locks = append(p.locks, lock)
	}
	return !errors.Is(err, errLocked)
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
