package devstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// javaFloor is the oldest Java that Keycloak 26.7 runs on.
const javaFloor = 17

// findJava returns a java program of at least version 17: of JAVA_HOME, PATH,
// or the usual folders, the newest there. Where it may, it installs Debian's.
func (p *parts) findJava(ctx context.Context) (string, error) {
	if java := usableJava(javaCandidates()); java != "" {
		return java, nil
	}
	const advice = "no Java 17 or newer was found (JAVA_HOME, PATH, /usr/lib/jvm): install one, on Debian with «apt-get install default-jre-headless»"
	if !mayInstall() {
		return "", fmt.Errorf("%s", advice)
	}
	for _, pkg := range []string{"default-jre-headless", "openjdk-17-jre-headless"} {
		if err := p.aptInstall(ctx, pkg); err != nil {
			p.progress.Say("opora: %v", err)
		}
		if java := usableJava(javaCandidates()); java != "" {
			return java, nil
		}
	}
	return "", fmt.Errorf("%s (installing it failed)", advice)
}

// javaCandidates lists where a java program may be, the best first.
func javaCandidates() (found []string) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		found = append(found, filepath.Join(home, "bin", "java"))
	}
	if path, err := exec.LookPath("java"); err == nil {
		found = append(found, path)
	}
	for _, pattern := range []string{"/usr/lib/jvm/*/bin/java", "/opt/java/*/bin/java", "/opt/*/bin/java", "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java"} {
		usual, _ := filepath.Glob(pattern)
		slices.Reverse(usual)
		found = append(found, usual...)
	}
	return found
}

// usableJava returns the first candidate that is new enough.
func usableJava(candidates []string) string {
	for _, java := range candidates {
		if v, err := javaVersion(java); err == nil && v >= javaFloor {
			return java
		}
	}
	return ""
}

var javaVersionPattern = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// javaVersion returns the feature version of a java program: 8, 17, 25.
func javaVersion(java string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return 0, err
	}
	m := javaVersionPattern.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s -version says nothing known", java)
	}
	return strconv.Atoi(string(m[1]))
}
