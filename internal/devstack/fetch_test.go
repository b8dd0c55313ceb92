package devstack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// testParts returns parts with a cache of their own.
func testParts(t *testing.T, progress io.Writer) *parts {
	t.Helper()
	procs, err := newProcesses(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(procs.close)
	return &parts{cache: t.TempDir(), procs: procs, progress: NewProgress(progress)}
}

// mirror serves content as the artifact's file and counts the requests.
func mirror(t *testing.T, a artifact, content []byte) *atomic.Int32 {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/repo/"+a.path() {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	t.Setenv(mirrorVariable, server.URL+"/repo/")
	return &asked
}

func testArtifact(content []byte) artifact {
	sum := sha256.Sum256(content)
	return artifact{group: "org.example.part", name: "part", version: "1.2.3", kind: "tar.gz", sha256: hex.EncodeToString(sum[:]), size: int64(len(content))}
}

func TestFetchOnceFromMirror(t *testing.T) {
	content := bytes.Repeat([]byte("keycloak"), 100_000)
	a := testArtifact(content)
	asked := mirror(t, a, content)
	var shown strings.Builder
	p := testParts(t, &shown)
	for range 2 {
		file, err := p.fetch(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("the file holds %d bytes, %v", len(got), err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("fetched %d times, want once", asked.Load())
	}
	if !strings.Contains(shown.String(), "Fetching part-1.2.3.tar.gz: 50 %") {
		t.Errorf("no progress was shown:\n%s", shown.String())
	}
}

func TestFetchRefusesAnotherFile(t *testing.T) {
	a := testArtifact([]byte("right"))
	mirror(t, a, []byte("wrong"))
	p := testParts(t, io.Discard)
	_, err := p.fetch(t.Context(), a)
	if err == nil || !strings.Contains(err.Error(), "its checksum is") {
		t.Fatalf("error = %v, want one about the checksum", err)
	}
	left, _ := filepath.Glob(filepath.Join(p.cache, "archives", "*"))
	for _, file := range left {
		if !strings.HasSuffix(file, ".lock") {
			t.Errorf("%s was left in the cache", file)
		}
	}
}

func TestFetchReplacesADamagedFile(t *testing.T) {
	content := []byte("whole")
	a := testArtifact(content)
	asked := mirror(t, a, content)
	p := testParts(t, io.Discard)
	file := filepath.Join(p.cache, "archives", a.file())
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content[:2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.fetch(t.Context(), a); err != nil || asked.Load() != 1 {
		t.Fatalf("asked %d times, %v", asked.Load(), err)
	}
	if got, _ := os.ReadFile(file); !bytes.Equal(got, content) {
		t.Errorf("the cache holds %q", got)
	}
}

func TestFetchSideBySide(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 1<<20)
	a := testArtifact(content)
	asked := mirror(t, a, content)
	p := testParts(t, io.Discard)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := p.fetch(context.Background(), a); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked.Load() != 1 {
		t.Errorf("fetched %d times, want once", asked.Load())
	}
}

func TestFetchCutShort(t *testing.T) {
	content := []byte("as promised")
	a := testArtifact(content)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	t.Setenv(mirrorVariable, server.URL)
	if _, err := testParts(t, io.Discard).fetch(t.Context(), a); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error = %v, want that the answer was cut short", err)
	}
}

// tarball returns a tar of the entries; a name ending in / is a folder, a
// content beginning with -> a link.
func tarball(t *testing.T, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e[0], Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(e[1]))}
		link, isLink := strings.CutPrefix(e[1], "->")
		switch {
		case strings.HasSuffix(e[0], "/"):
			h.Typeflag = tar.TypeDir
		case isLink:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(e[1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpackTar(t *testing.T) {
	dir := t.TempDir()
	archive := tarball(t, [2]string{"kc-1/", ""}, [2]string{"kc-1/bin/kc.sh", "#!"}, [2]string{"kc-1/lib/a.so.1", "elf"}, [2]string{"kc-1/lib/a.so", "->a.so.1"})
	if err := unpackTar(bytes.NewReader(archive), dir, 1); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lib", "a.so")); err != nil || string(b) != "elf" {
		t.Errorf("through the link: %q, %v", b, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin", "kc.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("kc.sh cannot be run: %v, %v", info, err)
	}
}

func TestUnpackTarStaysInside(t *testing.T) {
	for name, entries := range map[string][][2]string{
		"a name that climbs":         {{"x/../../evil", "!"}},
		"a link to an absolute path": {{"x/link", "->/etc/passwd"}},
		"a file through a link":      {{"x/out", "->../.."}, {"x/out/evil", "!"}},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "a", "b")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			err := unpackTar(bytes.NewReader(tarball(t, entries...)), dir, 0)
			if err == nil {
				t.Error("no error")
			}
			_ = filepath.WalkDir(parent, func(path string, _ os.DirEntry, _ error) error {
				if filepath.Base(path) == "evil" {
					t.Errorf("%s was written", path)
				}
				return nil
			})
		})
	}
}

func TestUnpackTarGzCut(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(tarball(t, [2]string{"kc/lib/big.jar", strings.Repeat("jar", 5000)}))
	_ = z.Close()
	file := filepath.Join(t.TempDir(), "cut.tar.gz")
	if err := os.WriteFile(file, b.Bytes()[:b.Len()/2], 0o644); err != nil {
		t.Fatal(err)
	}
	s := NewProgress(io.Discard).begin("x", int64(b.Len()))
	if err := unpackTarGz(file, t.TempDir(), s); err == nil {
		t.Error("an archive cut in the middle was taken")
	}
}

func TestUnpackJarWithoutArchive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.jar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if _, err := z.Create("META-INF/MANIFEST.MF"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := unpackJar(file, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no .txz") {
		t.Errorf("error = %v", err)
	}
}
