package devstack

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// GuardCommand is the hidden argument with which a program that uses this
// package runs itself again as the guard: it must then call Guard and exit.
const GuardCommand = "dev-guard"

// guardian is our end of the guard: a pipe that closes when we die.
type guardian struct {
	mu   sync.Mutex
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

// startGuardian starts the guard in a session of its own, so that nothing sent
// to our terminal or group reaches it.
func startGuardian(p *processes, self string) (*guardian, error) {
	cmd := exec.Command(self, GuardCommand, p.mark)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guard of the stack's processes: %w", err)
	}
	return &guardian{pipe: pipe, cmd: cmd}, nil
}

func (g *guardian) tell(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = fmt.Fprintf(g.pipe, format+"\n", args...)
}

func (g *guardian) watch(pid int, soft syscall.Signal, shared bool) {
	tell := pid
	if !shared {
		tell = -pid
	}
	g.tell("watch %d %d", tell, int(soft))
}

func (g *guardian) forget(pid int)    { g.tell("forget %d 0", pid) }
func (g *guardian) remove(dir string) { g.tell("remove 0 0 %q", dir) }

// dismiss tells the guard that we are done and waits for it.
func (g *guardian) dismiss() {
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

// Guard is the guard's whole life: it reads what to watch from in until its
// other end closes, which happens when the watched program has ended in
// whatever way, then ends every process still watched or marked, and removes
// the folders that were to be thrown away.
func Guard(mark string, in io.Reader) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	watched := map[int]syscall.Signal{}
	var dirs []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var verb, dir string
		var pid, sig int
		n, _ := fmt.Sscanf(lines.Text(), "%s %d %d %q", &verb, &pid, &sig, &dir)
		switch {
		case n < 3:
		case verb == "watch":
			watched[pid] = syscall.Signal(sig)
		case verb == "forget":
			delete(watched, pid)
			delete(watched, -pid)
		case verb == "remove" && dir != "":
			dirs = append(dirs, dir)
		}
	}
	endMarked(mark, watched)
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
}

// endMarked asks the watched groups (negative) and processes, and everything
// that carries the mark, to end, and kills what is still there later.
func endMarked(mark string, watched map[int]syscall.Signal) {
	var roots []int
	for pid, soft := range watched {
		roots = append(roots, max(pid, -pid))
		_ = syscall.Kill(pid, soft)
	}
	below := descendants(roots...)
	for _, pid := range markedProcesses(mark) {
		if _, own := watched[-pid]; !own && watched[pid] == 0 {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	left := func() (pids []int) {
		for pid := range watched {
			if alive(pid) {
				pids = append(pids, pid)
			}
		}
		for _, pid := range below {
			if alive(pid) {
				pids = append(pids, pid)
			}
		}
		return append(pids, markedProcesses(mark)...)
	}
	for deadline := time.Now().Add(stopGrace / 2); len(left()) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	for range 20 { // a process may be just starting another one
		pids := left()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
