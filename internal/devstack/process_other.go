//go:build !linux

package devstack

import "syscall"

// Elsewhere there is no death signal and no /proc: an orderly end and the
// guard's process groups have to do.

func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

func markedProcesses(string) []int { return nil }

func descendants(...int) []int { return nil }

func alive(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
