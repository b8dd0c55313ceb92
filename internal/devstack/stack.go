package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// The parts of a stack that may be asked for by name.
const (
	PartPostgres = "postgres"
	PartKeycloak = "keycloak"
	PartOpora    = "opora"
)

// Spec says what stack to start.
type Spec struct {
	Contours []ContourSpec // one per country
	Only     []string      // the parts to start; all when empty
	Data     string        // the folder to keep data in; "" for a stack that is thrown away
	Self     string        // the opora program: it is run for migrate, serve, worker and as the guard
	Sample   Sample        // what a contour is filled with
	Progress *Progress
}

// ContourSpec names a country and its realm.
type ContourSpec struct{ Country, Realm string }

// Stack is a running stack.
type Stack struct {
	Contours []*Contour

	spec  Spec
	dir   string
	procs *processes
	parts *parts
	lock  *fileLock
	ports ports
}

// lockFile stands in every data folder of ours, and tells it from others.
const lockFile = "opora-dev.lock"

// ErrRunning says that a stack already runs on the data folder.
var ErrRunning = errors.New("already running")

// Start starts a stack and returns when everything in it is ready. When it
// fails, or ctx ends, everything is stopped before it returns.
func Start(ctx context.Context, spec Spec) (_ *Stack, err error) {
	s := &Stack{spec: spec}
	if err := s.open(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if err := s.gather(ctx); err != nil {
		return nil, err
	}
	if err := s.startContours(ctx); err != nil {
		return nil, err
	}
	s.spec.Progress.finish(true)
	return s, s.writeEnv()
}

// open takes the data folder and starts the guard.
func (s *Stack) open() (err error) {
	if s.spec.Data == "" {
		if s.dir, err = throwAwayDir(); err != nil {
			return err
		}
	} else if err := s.lockData(); err != nil {
		return err
	}
	if s.procs, err = newProcesses(s.spec.Self); err != nil {
		s.release()
		return err
	}
	if s.spec.Data == "" {
		s.procs.guard.remove(s.dir)
	}
	return nil
}

// throwAwayDir makes a folder for one run, in a place that PostgreSQL's user
// can reach.
func throwAwayDir() (string, error) {
	as, err := serverAccount()
	if err != nil {
		return "", err
	}
	base := os.TempDir()
	if !as.reaches(base) {
		base = "/var/tmp"
	}
	dir, err := os.MkdirTemp(base, "opora-dev-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// lockData takes the lock of the data folder.
func (s *Stack) lockData() (err error) {
	if s.dir, err = filepath.Abs(s.spec.Data); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if s.lock, err = lockDataDir(s.dir); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.dir, envFile)) // of a stack that is gone
	return nil
}

func lockDataDir(dir string) (*fileLock, error) {
	path := filepath.Join(dir, lockFile)
	l, err := tryLock(path)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("%w: process %s runs a stack on the data in %s; stop it, or name another folder with --data", ErrRunning, lockHolder(path), dir)
	}
	return l, err
}

// gather finds the programs.
func (s *Stack) gather(ctx context.Context) error {
	as, err := serverAccount()
	if err != nil {
		return err
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	s.parts = &parts{cache: cache, as: as, procs: s.procs, progress: s.spec.Progress, measured: s.spec.Data == "" && len(s.spec.Only) == 0}
	return s.parts.gather(ctx, s.has(PartKeycloak))
}

// has reports whether the part was asked for.
func (s *Stack) has(part string) bool {
	return len(s.spec.Only) == 0 || slices.Contains(s.spec.Only, part)
}

// startContours starts the contours side by side.
func (s *Stack) startContours(ctx context.Context) error {
	for i, spec := range s.spec.Contours {
		c, err := newContour(s, spec, i)
		if err != nil {
			return err
		}
		s.Contours = append(s.Contours, c)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range s.Contours {
		group.Go(func() error {
			if err := c.start(ctx); err != nil {
				return fmt.Errorf("contour %s: %w", c.Country, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// Stop stops everything, the latest first, and throws away what was for this
// run only. When it returns no process is left.
func (s *Stack) Stop() {
	s.spec.Progress.finish(false)
	s.procs.close()
	s.release()
}

// release gives the data folder back.
func (s *Stack) release() {
	if s.lock != nil {
		s.lock.release()
		return
	}
	_ = os.RemoveAll(s.dir)
}

// errNoReason is why a server ended that reported success.
var errNoReason = errors.New("it gave no reason")

// maxRevivals is how often one of a stack's servers is started again before the
// stack is given up.
const maxRevivals = 5

// Failed returns a channel that gives the first of the stack's servers that
// ended by itself and could not be started again. Keycloak and Opora's own
// processes are: whoever tries what happens when one is killed wants it back.
func (s *Stack) Failed() <-chan error {
	failed := make(chan error, 1)
	for _, child := range s.procs.running() {
		go s.mind(child, failed)
	}
	return failed
}

// mind waits for the end of a server and starts it again.
func (s *Stack) mind(child *process, failed chan<- error) {
	for revivals := 0; ; revivals++ {
		<-child.done
		if s.procs.isClosing() {
			return
		}
		ended := fmt.Errorf("%s ended by itself: %w", child.name, cmp.Or(child.err, errNoReason))
		if child.revive != nil && revivals < maxRevivals {
			s.spec.Progress.Say("opora: %v; starting it again", ended)
			s.procs.forget(child)
			again, err := child.revive(context.Background())
			if err == nil {
				s.spec.Progress.Say("opora: %s is back", child.name)
				child = again
				continue
			}
			ended = errors.Join(ended, err)
		}
		if !s.procs.isClosing() {
			select {
			case failed <- ended:
			default:
			}
		}
		return
	}
}

// Env returns the environment that a command on this stack gets, as fixed in
// docs/design.md: of the first contour without a suffix and, with several, of
// each with _RU, _KZ behind the name.
func (s *Stack) Env() (env []string) {
	for i, c := range s.Contours {
		for _, v := range c.env() {
			if i == 0 {
				env = append(env, v)
			}
			if len(s.Contours) > 1 {
				name, value, _ := strings.Cut(v, "=")
				env = append(env, name+"_"+c.Country+"="+value)
			}
		}
	}
	return env
}

// Reset empties a data folder. It refuses while a stack runs on it, and
// refuses a folder that no stack made.
func Reset(data string) error {
	dir, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, lockFile)); err != nil {
		return fmt.Errorf("%s was not made by opora dev: it is left as it is", dir)
	}
	l, err := lockDataDir(dir)
	if err != nil {
		return err
	}
	defer l.release()
	return emptyData(dir, entries)
}

// emptyData removes what is in a data folder, the lock last, and the database
// folders that lie elsewhere.
func emptyData(dir string, entries []os.DirEntry) error {
	elsewhere, _ := filepath.Glob(filepath.Join(dir, "*", clusterLink))
	for _, link := range elsewhere {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, rootData+"/") {
			if err := os.RemoveAll(target); err != nil {
				return err
			}
		}
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(filepath.Join(dir, lockFile))
}

// phase shows a step of a contour.
func (c *Contour) phase(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return c.stack.spec.Progress.begin(c.Country+": "+name, 0).end(do(ctx))
}
