package devstack

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Exec runs `sh -c command` with the stack's environment and returns its exit
// status, 128 + the signal's number when a signal ended it. Signals sent to us
// are handed on; when ctx ends (our parent is gone) the command is stopped.
func (s *Stack) Exec(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Env = append(append(os.Environ(), s.Env()...), "PATH="+filepath.Dir(s.spec.Self)+string(os.PathListSeparator)+os.Getenv("PATH"))
	// A command that reads the terminal has to stay in the terminal's group,
	// where the terminal's own signals reach it without us.
	shared := isTerminal(stdin)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	failed := s.Failed() // its servers are minded; the command itself sees one that stays away
	child, err := s.procs.start(program{name: "the command", keep: shared}, cmd)
	if err != nil {
		return 0, err
	}
	for {
		select {
		case err := <-failed:
			s.spec.Progress.Say("opora: %v", err)
		case <-child.done:
			s.procs.forget(child)
			child.signal(syscall.SIGTERM) // what it left running in the background
			return exitStatus(child.err), nil
		case sig := <-signals:
			if fromTerminal := sig == syscall.SIGINT || sig == syscall.SIGQUIT; !shared || !fromTerminal {
				child.signal(sig.(syscall.Signal))
			}
		case <-ctx.Done():
			s.procs.stop(child, stopGrace)
			return exitStatus(child.err), context.Cause(ctx)
		}
	}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// exitStatus turns what Wait returned into a shell's exit status.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return 1
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// ErrOrphaned is the cause with which a context of WithParent ends.
var ErrOrphaned = errors.New("the process that started this one is gone")

// WithParent returns a context that ends when the process that started us
// does, however that happens.
func WithParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
				if os.Getppid() != parent {
					cancel(ErrOrphaned)
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
