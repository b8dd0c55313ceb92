package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"

	"github.com/ponimayu/opora/internal/tenancy"
)

func content(n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(b)
	return b
}

func TestWhatGoesInComesOut(t *testing.T) {
	for _, size := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 17} {
		f, err := New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		want := content(size)
		if err := f.Fill(iotest.HalfReader(bytes.NewReader(want))); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := io.ReadAll(f.Reader())
			if err != nil || !bytes.Equal(got, want) || f.Size() != int64(size) {
				t.Errorf("%d bytes became %d, size %d, %v", size, len(got), f.Size(), err)
			}
		}
		f.Close()
	}
}

func TestNothingReadableLiesAbout(t *testing.T) {
	dir := t.TempDir()
	f, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Fill(bytes.NewReader(bytes.Repeat([]byte("Канарейкин"), 1000))); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("it has a name: %v %v", files, err)
	}
	raw := make([]byte, 30_000)
	n, _ := f.file.ReadAt(raw, 0)
	if n < 15_000 || bytes.Contains(raw[:n], []byte("Канарейкин")) {
		t.Errorf("of %d bytes on the disk some can be read", n)
	}
}

func TestASenderThatBreaksOffIsToldApartFromTheEnd(t *testing.T) {
	f, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, early := range []error{io.ErrUnexpectedEOF, errors.New("reset")} {
		if err := f.Fill(io.MultiReader(bytes.NewReader(content(100)), iotest.ErrReader(early))); !errors.Is(err, early) {
			t.Errorf("%v", err)
		}
	}
}

func TestAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := on(full)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var e *tenancy.Error
	if err := f.Fill(bytes.NewReader(content(10))); !errors.As(err, &e) || e.Kind != tenancy.Full || e.Code != "storage_full" {
		t.Errorf("%v", err)
	}
}

func TestAFolderThatIsNotThere(t *testing.T) {
	if _, err := New("/nowhere/at/all"); tenancy.KindOf(err) != tenancy.Unavailable {
		t.Errorf("%v", err)
	}
}
