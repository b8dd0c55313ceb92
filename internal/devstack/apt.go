package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// mayInstall reports whether Debian packages may be installed: by root only,
// on a machine that has apt-get.
func mayInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// aptInstall installs Debian packages; the package lists are brought up to
// date first, a fresh machine has none.
func (p *parts) aptInstall(ctx context.Context, packages ...string) error {
	s := p.progress.begin("Installing "+strings.Join(packages, ", "), 0)
	env := append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var log strings.Builder
	run := func(args ...string) error {
		cmd := exec.Command("apt-get", args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = env, &log, &log
		return p.procs.run(ctx, program{name: "apt-get"}, cmd)
	}
	// Lists that cannot be renewed may still do: only the installation decides.
	stale := run("update", "-q")
	if err := run(append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)...); err != nil {
		return s.end(fmt.Errorf("apt-get install %s: %w\n%s", strings.Join(packages, " "), errors.Join(err, stale), lastLines(log.String(), 5)))
	}
	return s.end(nil)
}

// lastLines returns the last n lines of a program's output, for messages.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
