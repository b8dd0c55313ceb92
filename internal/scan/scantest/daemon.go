// Package scantest is a ClamAV daemon for tests: it speaks the protocol and
// knows one signature, that of the harmless test file of EICAR.
package scantest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// StreamMaxLength is the largest file that the daemon takes, in bytes.
const StreamMaxLength = 8 << 20

// EICAR returns the test file's text. It is put together here so that no
// scanner finds it in these sources.
func EICAR() string {
	return `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-" + "STANDARD-ANTIVIRUS-TEST-FILE!" + "$H+H*"
}

// Daemon is a running daemon.
type Daemon struct {
	Address string // for scan.New
	hang    atomic.Bool
	scans   atomic.Int32
	end     chan struct{}
}

// Start runs a daemon until the test ends.
func Start(t testing.TB) *Daemon {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clamd.ctl")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{Address: "unix:" + path, end: make(chan struct{})}
	t.Cleanup(func() {
		close(d.end)
		listener.Close()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(conn)
		}
	}()
	return d
}

// Hang makes the daemon take files and not answer, from now on or no more.
func (d *Daemon) Hang(on bool) { d.hang.Store(on) }

// Scans is how many files it was sent.
func (d *Daemon) Scans() int { return int(d.scans.Load()) }

func (d *Daemon) serve(conn net.Conn) {
	defer conn.Close()
	command := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		_, _ = io.WriteString(conn, "UNKNOWN COMMAND\x00")
		return
	}
	d.scans.Add(1)
	content, whole := receive(conn)
	switch {
	case d.hang.Load():
		<-d.end
	case len(content) > StreamMaxLength:
		_, _ = io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
	case !whole:
	case bytes.Contains(content, []byte(EICAR())):
		_, _ = io.WriteString(conn, "stream: Eicar-Test-Signature FOUND\x00")
	default:
		_, _ = io.WriteString(conn, "stream: OK\x00")
	}
}

// receive reads a stream up to its end, or until it is too long.
func receive(conn io.Reader) (content []byte, whole bool) {
	for len(content) <= StreamMaxLength {
		var n uint32
		if binary.Read(conn, binary.BigEndian, &n) != nil {
			return content, false
		}
		if n == 0 {
			return content, true
		}
		piece := make([]byte, n)
		if _, err := io.ReadFull(conn, piece); err != nil {
			return content, false
		}
		content = append(content, piece...)
	}
	return content, false
}
