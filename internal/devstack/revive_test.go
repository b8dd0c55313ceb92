package devstack

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestKilledServerIsStartedAgain(t *testing.T) {
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{procs: procs, spec: Spec{Progress: NewProgress(io.Discard)}}
	revived := make(chan *process, maxRevivals)
	var start func(context.Context) (*process, error)
	start = func(context.Context) (*process, error) {
		child, err := procs.start(program{name: "a server"}, exec.Command("sleep", "4713"))
		if err == nil {
			child.revive = func(ctx context.Context) (*process, error) {
				again, err := start(ctx)
				revived <- again
				return again, err
			}
		}
		return child, err
	}
	child, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed := s.Failed()
	for range maxRevivals {
		child.signal(syscall.SIGKILL)
		select {
		case child = <-revived:
		case <-time.After(10 * time.Second):
			t.Fatal("a killed server was not started again")
		}
	}
	child.signal(syscall.SIGKILL)
	select {
	case err := <-failed:
		if err == nil {
			t.Error("the failure has no reason")
		}
	case <-time.After(10 * time.Second):
		t.Error("a server that dies again and again is not given up")
	}
	procs.close()
}
