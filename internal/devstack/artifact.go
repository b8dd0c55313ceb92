package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mirrorVariable names the base address of a Maven repository to fetch parts
// from, for machines that reach one only.
const mirrorVariable = "OPORA_MAVEN_MIRROR"

// artifact is a file of a Maven repository, fixed by its checksum.
type artifact struct {
	group, name, version, kind string // kind: tar.gz, jar
	sha256                     string
	size                       int64
	page                       string // where else it may be had, an address; "" for nowhere
}

func (a artifact) file() string { return a.name + "-" + a.version + "." + a.kind }

// path is the artifact's place in a Maven repository.
func (a artifact) path() string {
	return strings.ReplaceAll(a.group, ".", "/") + "/" + a.name + "/" + a.version + "/" + a.file()
}

func (a artifact) coordinates() string {
	return strings.Join([]string{a.group, a.name, a.version, a.kind}, ":")
}

// fetch returns the artifact's file in the cache, fetching it when it is not
// there: from the mirror, from a local Maven repository, by Maven, or from its
// page. Whatever way it came, its checksum is verified before it gets its
// name.
func (p *parts) fetch(ctx context.Context, a artifact) (string, error) {
	file := filepath.Join(p.cache, "archives", a.file())
	l, err := waitLock(file+".lock", p.waiting("another start that fetches "+a.file()))
	if err != nil {
		return "", err
	}
	defer l.release()
	if verify(file, a.sha256) == nil {
		return file, nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(file), "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	var problems []error
	for _, way := range p.ways(a) {
		got := filepath.Join(tmp, a.file())
		err := way.get(ctx, a, got)
		if err == nil {
			err = verify(got, a.sha256)
		}
		if err == nil {
			return file, os.Rename(got, file)
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		problems = append(problems, fmt.Errorf("%s: %w", way.name, err))
	}
	return "", fmt.Errorf("%s could not be fetched; put it at %s yourself, or name a Maven repository in %s:\n%w", a.file(), file, mirrorVariable, errors.Join(problems...))
}

// way is one way to get an artifact into a file.
type way struct {
	name string
	get  func(ctx context.Context, a artifact, into string) error
}

func (p *parts) ways(a artifact) (ways []way) {
	if base := os.Getenv(mirrorVariable); base != "" {
		address := strings.TrimRight(base, "/") + "/" + a.path()
		return []way{{mirrorVariable, func(ctx context.Context, a artifact, into string) error { return p.download(ctx, a, address, into) }}}
	}
	ways = append(ways, way{"the local Maven repository", p.copyLocal}, way{"Maven", p.maven})
	if a.page != "" {
		ways = append(ways, way{a.page, func(ctx context.Context, a artifact, into string) error { return p.download(ctx, a, a.page, into) }})
	}
	return ways
}

// copyLocal takes the file that an earlier use of Maven left in the home.
func (p *parts) copyLocal(_ context.Context, a artifact, into string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	from := filepath.Join(home, ".m2", "repository", filepath.FromSlash(a.path()))
	if err := verify(from, a.sha256); err != nil {
		return err
	}
	return copyFile(from, into)
}

// maven has Maven fetch the artifact by its coordinates: Maven knows from its
// own settings where from. It is installed where that is allowed.
func (p *parts) maven(ctx context.Context, a artifact, into string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		if !mayInstall() {
			return errors.New("Maven is not installed (on Debian: apt-get install maven)")
		}
		if err := p.aptInstall(ctx, "maven"); err != nil {
			return err
		}
		if mvn, err = exec.LookPath("mvn"); err != nil {
			return err
		}
	}
	s := p.progress.begin("Fetching "+a.file(), a.size)
	repo := filepath.Join(p.cache, "maven") // of our own, so that what arrives can be watched
	defer os.RemoveAll(filepath.Join(repo, filepath.FromSlash(filepath.Dir(a.path()))))
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go s.watch(watching, filepath.Join(repo, filepath.FromSlash(filepath.Dir(a.path()))))
	var log strings.Builder
	cmd := exec.Command(mvn, "-B", "-q", "-Dmaven.repo.local="+repo, "dependency:copy", "-Dartifact="+a.coordinates(), "-DoutputDirectory="+filepath.Dir(into))
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(into), &log, &log
	if err := p.procs.run(ctx, program{name: "mvn"}, cmd); err != nil {
		return s.end(fmt.Errorf("%w: %s", err, lastLines(log.String(), 3)))
	}
	return s.end(nil)
}

// watch shows how much of a file has arrived in a folder.
func (s *step) watch(ctx context.Context, dir string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
			if n := folderSize(dir); n > 0 && ctx.Err() == nil {
				s.reach(n)
			}
		}
	}
}

func folderSize(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // files come and go while they are counted
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// download fetches an address into a file.
func (p *parts) download(ctx context.Context, a artifact, address, into string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	s := p.progress.begin("Fetching "+a.file(), a.size)
	f, err := os.Create(into)
	if err != nil {
		return s.end(err)
	}
	_, err = io.Copy(f, io.TeeReader(io.LimitReader(resp.Body, 2*a.size+1), s))
	return s.end(errors.Join(err, f.Close()))
}

// verify compares a file with its checksum.
func verify(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("its checksum is %s, not %s", got, want)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
