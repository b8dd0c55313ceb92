package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// fileLock is an advisory lock on a file; it falls with the process that holds
// it, however that ends.
type fileLock struct{ f *os.File }

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked by another process")

// tryLock takes the lock or returns errLocked; the file then holds our process
// id, for the message that the other one prints.
func tryLock(path string) (*fileLock, error) { return lock(path, syscall.LOCK_EX|syscall.LOCK_NB) }

// waitLock takes the lock, waiting for it as long as need be; waiting is called
// once when it is taken by another process.
func waitLock(path string, waiting func()) (*fileLock, error) {
	l, err := tryLock(path)
	if !errors.Is(err, errLocked) {
		return l, err
	}
	waiting()
	return lock(path, syscall.LOCK_EX)
}

func lock(path string, how int) (*fileLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	return &fileLock{f}, nil
}

// release gives the lock back.
func (l *fileLock) release() {
	_ = l.f.Truncate(0)
	_ = l.f.Close()
}

// lockHolder returns the process id written into a lock's file, or "unknown".
func lockHolder(path string) string {
	b, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}
