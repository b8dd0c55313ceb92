package devstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// victimCommand makes the test binary a program with children: it prints their
// ids and waits to be killed.
const victimCommand = "victim"

// stubborn is a shell that cannot be asked to end, with a child in a session
// of its own that its parent has left: what a careless command leaves behind.
const stubborn = `trap '' TERM INT HUP; (setsid sleep 4711 & echo $!) ; echo $$; while :; do sleep 1; done`

// victim starts a well-behaved child and a stubborn one, and hangs.
func victim(throwAway string) {
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		panic(err)
	}
	procs.guard.remove(throwAway)
	for _, script := range []string{`echo $$; exec sleep 4712`, stubborn} {
		cmd := exec.Command("sh", "-c", script)
		cmd.Stdout = os.Stdout
		if _, err := procs.start(program{name: "child"}, cmd); err != nil {
			panic(err)
		}
	}
	fmt.Println("guard", procs.guard.cmd.Process.Pid)
	select {}
}

// startVictim starts the victim and returns it with the ids of its children
// and its guard.
func startVictim(t *testing.T, dir string) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], victimCommand, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < 4 && lines.Scan() {
		pid, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "guard "))
		if err != nil {
			t.Fatalf("the victim said %q", lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) < 4 {
		t.Fatal("the victim did not start its children")
	}
	return cmd, pids
}

// waitGone fails the test when one of the processes is still there after the
// time that stopping may take.
func waitGone(t *testing.T, pids []int) {
	t.Helper()
	for deadline := time.Now().Add(stopGrace + 5*time.Second); ; time.Sleep(50 * time.Millisecond) {
		var left []int
		for _, pid := range pids {
			if alive(pid) {
				left = append(left, pid)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			t.Fatalf("left behind: %v", left)
		}
	}
}

func TestNothingIsLeftWhenKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), `a "strange" name`)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd, pids := startVictim(t, dir)
	for _, pid := range pids {
		if !alive(pid) {
			t.Fatalf("process %d is not there to begin with", pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil { // SIGKILL: nothing of it can clean up
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitGone(t, pids)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder that was to be thrown away is still there: %v", err)
	}
}

func TestDeathSignalWithoutGuard(t *testing.T) {
	t.Parallel()
	cmd, pids := startVictim(t, t.TempDir())
	polite, guard := pids[0], pids[3]
	_ = syscall.Kill(guard, syscall.SIGKILL)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Cleanup(func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	waitGone(t, []int{polite})
}

// start starts a shell in fresh processes.
func start(t *testing.T, script string) (*processes, *process) {
	t.Helper()
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	child, err := procs.start(program{name: "sh"}, exec.Command("sh", "-c", script))
	if err != nil {
		procs.close()
		t.Fatal(err)
	}
	return procs, child
}

func TestCloseEndsWhatAChildLeft(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	procs, child := start(t, `setsid sh -c 'echo $$ > `+file+`.part; mv `+file+`.part `+file+`; exec sleep 4713' & exit 0`)
	<-child.done
	var pid int
	for range 100 {
		b, err := os.ReadFile(file)
		if err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if pid == 0 || !alive(pid) {
		t.Fatalf("the orphan %d is not there to begin with", pid)
	}
	procs.close()
	if alive(pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Error("the orphan outlived close")
	}
}

func TestMarksNest(t *testing.T) {
	t.Setenv(markVariable, "OUTER")
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer procs.close()
	var out strings.Builder
	cmd := exec.Command("sh", "-c", "printf %s $"+markVariable)
	cmd.Stdout = &out
	if err := procs.run(t.Context(), program{name: "sh"}, cmd); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "OUTER,"+procs.mark; got != want {
		t.Errorf("marks = %q, want %q", got, want)
	}
}

func TestRunStopsWithContext(t *testing.T) {
	t.Parallel()
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer procs.close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := procs.run(ctx, program{name: "sleep"}, exec.Command("sleep", "4714")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %s", took)
	}
}
