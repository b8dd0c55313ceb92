package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is the processor time that the stack's processes have used, by part.
// It is steadier than a rate: others who use the machine do not change it.
type usage map[string]time.Duration

// parts are the parts of a stack and how their processes are told apart.
var parts = []struct{ name, mark string }{
	{"Keycloak", "io.quarkus.bootstrap.runner.QuarkusEntryPoint"},
	{"its PostgreSQL", "postgres: keycloak "},
	{"Opora's PostgreSQL", "postgres: opora "},
	{"worker", "\x00worker\x00"},
	{"server", "\x00serve\x00"},
	{"bench", "/bench\x00"}, // its own calls are the raw rival's whole client
	{"autovacuum", "postgres: autovacuum worker"},
}

// stackUsage reads what the processes of the stack around us have used so far.
// Where /proc is not Linux's there is nothing to read, and nothing is reported.
func stackUsage() usage {
	parents, names, ours := map[int]int{}, map[int]string{}, map[int]bool{}
	mark := stacksVariable + "=" + os.Getenv(stacksVariable) + "\x00"
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if parent, ok := statField(pid, 1); ok {
			line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			environment, _ := os.ReadFile(filepath.Join(dir, "environ"))
			parents[pid], names[pid], ours[pid] = int(parent), string(line), strings.Contains(string(environment)+"\x00", mark)
		}
	}
	used := usage{}
	for pid, name := range names {
		// PostgreSQL's children write over their environment.
		if !ours[pid] && !ours[parents[pid]] {
			continue
		}
		for _, p := range parts {
			if strings.Contains(name, p.mark) {
				user, _ := statField(pid, 11)
				system, _ := statField(pid, 12)
				used[p.name] += time.Duration(user+system) * time.Second / ticks
			}
		}
	}
	return used
}

// stacksVariable names, in the environment of everything that a stack started,
// the stacks it belongs to (internal/devstack).
const stacksVariable = "OPORA_DEV_STACKS"

// ticks is how many of the units in /proc/<pid>/stat make a second, on every
// Linux that Go runs on.
const ticks = 100

// statField returns a number of /proc/<pid>/stat, counted from the state on.
func statField(pid, n int) (int64, bool) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
	if len(fields) <= n {
		return 0, false
	}
	value, err := strconv.ParseInt(fields[n], 10, 64)
	return value, err == nil
}

// per says what was used since before for each of n employees.
func (u usage) per(before usage, n int) string {
	var text []string
	for _, p := range parts {
		if spent := u[p.name] - before[p.name]; spent > 0 {
			text = append(text, fmt.Sprintf("%s %.2f", p.name, float64(spent.Microseconds())/1000/float64(n)))
		}
	}
	return strings.Join(text, ", ") + " ms of processor each"
}
