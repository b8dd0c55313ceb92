package devstack

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has the kernel send sig to the child when we are gone.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// markedProcesses returns the living processes whose environment carries the
// mark, ourselves excepted.
func markedProcesses(mark string) (pids []int) {
	for _, pid := range processIDs() {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err == nil && pid != os.Getpid() && bytes.Contains(b, []byte(mark)) && !isZombie(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// descendants returns the living processes below the given ones.
func descendants(roots ...int) (pids []int) {
	parents := map[int]int{}
	for _, pid := range processIDs() {
		if ppid, state := processStat(pid); state != 0 && state != 'Z' {
			parents[pid] = ppid
		}
	}
	for pid := range parents {
		for up := parents[pid]; up > 1; up = parents[up] {
			if slices.Contains(roots, up) {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

func processIDs() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// processStat returns the parent and the state letter of a process (0 when it
// is gone).
func processStat(pid int) (ppid int, state byte) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0
	}
	// The name in brackets may hold anything, so read from its end.
	rest := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(rest) < 2 {
		return 0, 0
	}
	ppid, _ = strconv.Atoi(rest[1])
	return ppid, rest[0][0]
}

func isZombie(pid int) bool {
	_, state := processStat(pid)
	return state == 'Z'
}

// alive reports whether the process, or a member of the group when pid is
// negative, is there; one that ended and was not yet waited for is not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return false
	}
	return pid < 0 || !isZombie(pid)
}
