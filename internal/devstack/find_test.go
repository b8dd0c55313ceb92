package devstack

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// script writes a program that prints text.
func script(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat <<'END'\n"+text+"\nEND\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsableJava(t *testing.T) {
	dir := t.TempDir()
	old := script(t, filepath.Join(dir, "8", "java"), `java version "1.8.0_202"`)
	eleven := script(t, filepath.Join(dir, "11", "java"), `openjdk version "11.0.20" 2023-07-18`)
	good := script(t, filepath.Join(dir, "17", "java"), `openjdk version "17.0.15" 2025-04-15`)
	early := script(t, filepath.Join(dir, "27", "java"), `openjdk version "27-ea" 2026-09-15`)
	absent := filepath.Join(dir, "none", "java")
	if got := usableJava([]string{absent, old, eleven, good, early}); got != good {
		t.Errorf("java = %s, want %s", got, good)
	}
	if got := usableJava([]string{old, early}); got != early {
		t.Errorf("java = %s, want %s", got, early)
	}
	if got := usableJava([]string{absent, old, eleven}); got != "" {
		t.Errorf("java = %s, want none", got)
	}
}

func TestJavaHomeComesFirst(t *testing.T) {
	home := t.TempDir()
	t.Setenv("JAVA_HOME", home)
	if got := javaCandidates()[0]; got != filepath.Join(home, "bin", "java") {
		t.Errorf("first candidate = %s", got)
	}
}

func TestUsablePostgres(t *testing.T) {
	dir := t.TempDir()
	install := func(name, version string, initdb bool) string {
		bin := filepath.Join(dir, name, "bin")
		script(t, filepath.Join(bin, "postgres"), version)
		if initdb {
			script(t, filepath.Join(bin, "initdb"), "")
		}
		return bin
	}
	old := install("13", "postgres (PostgreSQL) 13.21", true)
	client := install("client", "postgres (PostgreSQL) 17.1", false)
	good := install("16", "postgres (PostgreSQL) 16.9 (Debian 16.9-1)", true)
	got, ok := usablePostgres([]string{filepath.Join(dir, "none"), old, client, good}, nil)
	if !ok || got.bin != good || got.major != 16 {
		t.Errorf("found %+v, %v", got, ok)
	}
	if _, ok := usablePostgres([]string{old, client}, nil); ok {
		t.Error("a server that is too old or not whole was taken")
	}
}

func TestPortsAvoidBusyOnes(t *testing.T) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, text, _ := net.SplitHostPort(l.Addr().String())
	busy, _ := strconv.Atoi(text)
	var p ports
	seen := map[int]bool{}
	for range 20 {
		got, err := p.take(busy)
		if err != nil {
			t.Fatal(err)
		}
		if got == busy || seen[got] {
			t.Fatalf("port %d is busy or was given before", got)
		}
		seen[got] = true
	}
}

func TestHomeVersion(t *testing.T) {
	home := t.TempDir()
	if _, err := homeVersion(home); err == nil {
		t.Error("a folder without a Keycloak was taken")
	}
	for text, want := range map[string]string{"Keycloak - Version 26.7.4\n": "26.7.4", "Keycloak - Version 26.7.1\n": "", "Something\n": ""} {
		if err := os.WriteFile(filepath.Join(home, "version.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := homeVersion(home)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestReaches(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "open", "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	other := &account{name: "other", uid: 54321, gid: 54321}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if other.reaches(inner) {
		t.Error("a folder below a closed one is said to be reached")
	}
	if !(*account)(nil).reaches(inner) {
		t.Error("we ourselves do not reach our own folder")
	}
	if me := (&account{uid: os.Getuid(), gid: os.Getgid()}); !me.passes(stat(t, dir)) {
		t.Error("the owner does not pass its own folder")
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if !other.passes(stat(t, dir)) {
		t.Error("a folder open for passing is not passed")
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestWithoutVariables(t *testing.T) {
	got := strings.Join(withoutVariables([]string{"PGHOST=x", "PATH=/bin", "PGDATA=y"}, "PG"), " ")
	if got != "PATH=/bin" {
		t.Errorf("left: %s", got)
	}
}
