package devstack

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// unpackTarGz unpacks a .tar.gz into dir, leaving out the first folder of
// every path.
func unpackTarGz(archive, dir string, s *step) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(io.TeeReader(f, s))
	if err != nil {
		return err
	}
	return unpackTar(z, dir, 1)
}

// unpackJar unpacks the one .txz that a jar of PostgreSQL's binaries holds.
func unpackJar(archive, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		x, err := xz.NewReader(r, 0)
		if err != nil {
			return err
		}
		return unpackTar(x, dir, 0)
	}
	return fmt.Errorf("%s holds no .txz", archive)
}

// unpackTar writes the files, folders and links of a tar below dir, without
// the first strip parts of their names. It refuses names that lead outside.
func unpackTar(r io.Reader, dir string, strip int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		parts := strings.Split(strings.Trim(filepath.ToSlash(filepath.Clean(h.Name)), "/"), "/")
		if len(parts) <= strip {
			continue
		}
		if err := unpackEntry(root, filepath.Join(parts[strip:]...), h, t); err != nil {
			return fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, name string, h *tar.Header, r io.Reader) error {
	if name == "." {
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, os.FileMode(h.Mode)&0o755|0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	case tar.TypeSymlink:
		if filepath.IsAbs(h.Linkname) {
			return errors.New("a link to an absolute path")
		}
		return root.Symlink(h.Linkname, name)
	}
	return nil
}
