// Package scan has files scanned for what would harm whoever opens them, by
// ClamAV's daemon. The protocol is a page of clamd(8), and the libraries for it
// are no longer kept, so it is spoken here.
package scan

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// The codes of problems with a file that was scanned.
const (
	Infected  tenancy.ProblemCode = "file_infected"
	TooLarge  tenancy.ProblemCode = "scan_limit"
	pieceSize                     = 256 << 10
)

// Deadlines of the conversation: a signature database that is being loaded
// anew holds clamd up for some seconds.
const (
	dialTime = 5 * time.Second
	scanTime = 2 * time.Minute
)

// Clamd is a ClamAV daemon.
type Clamd struct{ network, address string }

// New reads an address: unix:/path or tcp:host:port. Another one is
// tenancy.Invalid.
func New(address string) (*Clamd, error) {
	network, where, ok := strings.Cut(address, ":")
	if network == "tcp" && ok {
		_, _, err := net.SplitHostPort(where)
		ok = err == nil
	}
	if !ok || where == "" || network != "unix" && network != "tcp" {
		return nil, tenancy.E(tenancy.Invalid, "scanner_invalid", "the scanner's address looks like unix:/run/clamav/clamd.ctl or tcp:host:3310")
	}
	return &Clamd{network, where}, nil
}

// Scan sends the file, from where it stands to its end. nil: nothing was found.
// What was found is a tenancy.Problem, file_infected, and so is a file that the
// daemon is not set up to take, scan_limit; tenancy.Unavailable
// (scanner_unavailable) means that the daemon cannot say now.
func (c *Clamd) Scan(ctx context.Context, file io.Reader) error {
	answer, err := c.ask(ctx, "zINSTREAM\x00", file)
	switch {
	case errors.As(err, new(sourceError)):
		return err
	case err != nil:
		return unavailable(err)
	}
	return verdict(answer)
}

// Version asks the daemon for its own and its signatures' version.
func (c *Clamd) Version(ctx context.Context) (string, error) {
	answer, err := c.ask(ctx, "zVERSION\x00", nil)
	if err != nil {
		return "", unavailable(err)
	}
	return answer, nil
}

func unavailable(err error) error {
	return tenancy.E(tenancy.Unavailable, "scanner_unavailable", "the scanner of files does not answer", err)
}

// ask sends a command, with a file where it takes one, and reads the answer.
func (c *Clamd) ask(ctx context.Context, command string, file io.Reader) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	dialer := net.Dialer{Timeout: dialTime}
	conn, err := dialer.DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, command); err != nil {
		return "", err
	}
	var sending error
	if file != nil {
		// A daemon that has heard enough answers and stops listening: its answer
		// says more than the broken pipe.
		if sending = send(conn, file); errors.As(sending, new(sourceError)) {
			return "", sending
		}
	}
	answer, err := bufio.NewReader(io.LimitReader(conn, 4<<10)).ReadString(0)
	answer = strings.TrimSuffix(answer, "\x00")
	if err != nil || sending != nil && answer == clean {
		return "", errors.Join(sending, err)
	}
	return answer, nil
}

// sourceError is a file that cannot be read, which the daemon is not to blame for.
type sourceError struct{ error }

// send writes the file in pieces, each after its length, and the empty piece
// that ends them.
func send(to io.Writer, file io.Reader) error {
	buffer := make([]byte, 4+pieceSize)
	for {
		n, err := io.ReadFull(file, buffer[4:])
		binary.BigEndian.PutUint32(buffer, uint32(n))
		if _, err := to.Write(buffer[:4+n]); err != nil {
			return err
		}
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
			return sourceError{err}
		}
	}
}

// clean is the answer to a file in which nothing was found. It is worth
// something only when the whole file was sent.
const clean = "stream: OK"

// verdict reads an answer such as "stream: OK" or "stream: Some.Name FOUND".
func verdict(answer string) error {
	if strings.Contains(answer, "size limit exceeded") {
		return problem(TooLarge, "The list is larger than the scanner takes: send a smaller file (the list alone, without pictures), or have the platform raise StreamMaxLength in clamd.conf.")
	}
	if answer == clean {
		return nil
	}
	found, ok := strings.CutPrefix(answer, "stream: ")
	if !ok {
		return unavailable(fmt.Errorf("its answer is not understood: %.80q", answer))
	}
	name, infected := strings.CutSuffix(found, " FOUND")
	switch {
	case infected && strings.HasPrefix(name, "Heuristics.Limits.Exceeded"):
		return problem(TooLarge, "The list could not be scanned whole, it is beyond the scanner's limits: send the list alone in a new workbook, as values.")
	case infected:
		return problem(Infected, "The scanner found something harmful in the file ("+printable(name)+"); it was removed and nothing was read. Have the computer it comes from looked after, and send a clean list.")
	}
	return unavailable(fmt.Errorf("it says %.80q", answer)) // "… ERROR"
}

func problem(code tenancy.ProblemCode, message string) tenancy.Problem {
	return tenancy.Problem{Code: code, Severity: tenancy.SeverityError, Message: message}
}

// printable keeps of a signature's name what such names are made of.
func printable(name string) string {
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_/:", r) {
			return r
		}
		return -1
	}
	name = strings.Map(keep, name)
	return name[:min(len(name), 80)]
}
