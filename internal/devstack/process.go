package devstack

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// markVariable names the stacks a process belongs to, in its environment, so
// that whatever a child starts can be found again even after it has left the
// child's process group. A stack within a stack carries both marks.
const markVariable = "OPORA_DEV_STACKS"

// stopGrace is how long a process may take to end after it was asked to.
const stopGrace = 10 * time.Second

// processes starts the children of a stack and ends them. Three things make
// sure that none is left: an orderly close, the kernel's death signal when the
// thread that started them goes, and a guard process for everything below.
type processes struct {
	mark  string
	guard *guardian

	requests chan func() // run on the one thread the death signals hang on
	mu       sync.Mutex
	started  []*process
	closing  bool // nothing is started again any more
}

// newProcesses starts the guard. self is the command that runs this program's
// guard (GuardCommand's arguments are appended).
func newProcesses(self string) (*processes, error) {
	p := &processes{mark: rand.Text(), requests: make(chan func())}
	go p.spawner()
	g, err := startGuardian(p, self)
	if err != nil {
		close(p.requests)
		return nil, err
	}
	p.guard = g
	return p, nil
}

// spawner runs requests on a thread that lives as long as the processes do:
// Linux sends the death signal when the starting thread ends, not the process.
func (p *processes) spawner() {
	runtime.LockOSThread()
	for f := range p.requests {
		f()
	}
}

// process is a running child.
type process struct {
	name string
	cmd  *exec.Cmd
	soft syscall.Signal // asks it to end
	done chan struct{}  // closed when it has ended
	err  error          // how; read after done
	// revive starts it again when it ended by itself; nil for what cannot be
	// started again on its own.
	revive func(context.Context) (*process, error)
}

// program describes a child to start.
type program struct {
	name string         // for messages
	soft syscall.Signal // what asks it to end: SIGTERM when zero
	as   *account       // who it runs as
	keep bool           // stays in our process group (it reads the terminal)
}

// start starts cmd in a process group of its own, marked and guarded.
func (p *processes) start(prog program, cmd *exec.Cmd) (*process, error) {
	if prog.soft == 0 {
		prog.soft = syscall.SIGTERM
	}
	cmd.Env = p.marked(cmd.Env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !prog.keep, Credential: prog.as.credential()}
	dieWithParent(cmd.SysProcAttr, prog.soft)
	child := &process{name: prog.name, cmd: cmd, soft: prog.soft, done: make(chan struct{})}
	started := make(chan error)
	p.requests <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", prog.name, err)
	}
	if p.guard != nil {
		p.guard.watch(cmd.Process.Pid, prog.soft, prog.keep)
	}
	p.mu.Lock()
	p.started = append(p.started, child)
	p.mu.Unlock()
	go child.wait()
	return child, nil
}

// run starts cmd, waits for it and returns how it ended; when ctx ends first,
// it is stopped.
func (p *processes) run(ctx context.Context, prog program, cmd *exec.Cmd) error {
	child, err := p.start(prog, cmd)
	if err != nil {
		return err
	}
	select {
	case <-child.done:
	case <-ctx.Done():
		p.stop(child, stopGrace)
		return ctx.Err()
	}
	p.forget(child)
	return child.err
}

// marked returns the environment with this stack's mark added to the marks of
// the stacks around it.
func (p *processes) marked(env []string) []string {
	if env == nil {
		env = os.Environ()
	}
	marks := p.mark
	if outer := os.Getenv(markVariable); outer != "" {
		marks = outer + "," + p.mark
	}
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, markVariable+"=") })
	return append(env, markVariable+"="+marks)
}

func (c *process) wait() {
	c.err = c.cmd.Wait()
	close(c.done)
}

// ended reports whether the child has ended.
func (c *process) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// signal sends sig to the child's whole group (to the child alone, while it
// lives, when it shares ours).
func (c *process) signal(sig syscall.Signal) {
	if c.cmd.SysProcAttr.Setpgid {
		_ = syscall.Kill(-c.cmd.Process.Pid, sig)
	} else if !c.ended() {
		_ = c.cmd.Process.Signal(sig)
	}
}

// stop asks the child to end, kills it and everything below it when it has not
// ended within grace, and returns when it is gone.
func (p *processes) stop(c *process, grace time.Duration) {
	below := descendants(c.cmd.Process.Pid)
	if !c.ended() {
		c.signal(c.soft)
		select {
		case <-c.done:
		case <-time.After(grace):
		}
	}
	c.signal(syscall.SIGKILL)
	for _, pid := range below {
		if alive(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	<-c.done
	p.forget(c)
}

func (p *processes) forget(c *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = slices.DeleteFunc(p.started, func(o *process) bool { return o == c })
	if p.guard != nil {
		p.guard.forget(c.cmd.Process.Pid)
	}
}

// close stops every child, the latest first, then whatever still carries the
// mark, and lets the guard go.
func (p *processes) close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	for {
		p.mu.Lock()
		n := len(p.started)
		var last *process
		if n > 0 {
			last = p.started[n-1]
		}
		p.mu.Unlock()
		if last == nil {
			break
		}
		p.stop(last, stopGrace)
	}
	endMarked(p.mark, nil)
	p.guard.dismiss()
	close(p.requests)
}

// isClosing reports whether everything is being stopped.
func (p *processes) isClosing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closing
}

// running returns the children that were started and not stopped.
func (p *processes) running() []*process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.started)
}
