package devstack

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestCacheDir(t *testing.T) {
	home := t.TempDir()
	for _, tt := range []struct {
		name             string
		env              map[string]string
		want, wantPrefix string
	}{
		{"named", map[string]string{cacheVariable: filepath.Join(home, "named")}, filepath.Join(home, "named"), ""},
		{"of the user", map[string]string{"HOME": home, "XDG_CACHE_HOME": ""}, filepath.Join(home, ".cache", "opora"), ""},
		{"by XDG", map[string]string{"XDG_CACHE_HOME": filepath.Join(home, "xdg")}, filepath.Join(home, "xdg", "opora"), ""},
		{"without HOME", map[string]string{"HOME": "", "XDG_CACHE_HOME": ""}, "", "/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(cacheVariable, "")
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			got, err := cacheDir()
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && got != tt.want || !strings.HasPrefix(got, tt.wantPrefix) {
				t.Errorf("cache = %s, want %s%s", got, tt.want, tt.wantPrefix)
			}
			if info, err := os.Stat(got); err != nil || !info.IsDir() {
				t.Errorf("the folder was not made: %v", err)
			}
		})
	}
}

func TestOnceLeavesNothingHalfMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keycloak")
	broken := errors.New("broken")
	err := once(dir, func() {}, func(tmp string) error {
		_ = os.WriteFile(filepath.Join(tmp, "half"), nil, 0o600)
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error = %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a half-made folder got its name")
	}
	// What a killed start left beside it goes with the next one.
	stale := dir + ".part-killed"
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	made := 0
	for range 2 {
		if err := once(dir, func() {}, func(tmp string) error {
			made++
			return os.WriteFile(filepath.Join(tmp, "whole"), nil, 0o600)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "whole")); err != nil || made != 1 {
		t.Errorf("made %d times, %v", made, err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Error("the leftover of a killed start is still there")
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryLock(path); !errors.Is(err, errLocked) {
		t.Fatalf("second lock: %v, want errLocked", err)
	}
	if got := lockHolder(path); got != strconv.Itoa(os.Getpid()) {
		t.Errorf("holder = %s, want %d", got, os.Getpid())
	}
	l.release()
	again, err := tryLock(path)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again.release()
}

func TestResetEmptiesOnlyItsOwn(t *testing.T) {
	foreign := t.TempDir()
	precious := filepath.Join(foreign, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Reset(foreign); err == nil {
		t.Error("a folder that no stack made was emptied")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Fatal("the file in it is gone")
	}

	own := t.TempDir()
	l, err := lockDataDir(own)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(own, "ru", "postgres", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Reset(own); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("reset of a running stack: %v", err)
	}
	l.release()
	if err := Reset(own); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(own); len(left) != 0 {
		t.Errorf("left after reset: %v", left)
	}
	if err := Reset(filepath.Join(own, "never-there")); err != nil {
		t.Errorf("reset of nothing: %v", err)
	}
}

func TestSecondStackOnTheSameData(t *testing.T) {
	data := t.TempDir()
	l, err := lockDataDir(data)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	_, err = Start(t.Context(), Spec{Data: data, Self: os.Args[0], Progress: NewProgress(os.Stderr)})
	if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("error = %v, want that process %d runs one", err, os.Getpid())
	}
}
