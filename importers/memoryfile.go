package importers

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MemoryFile makes a file that is in memory and on no disk, for what must not
// lie open. path is where this process and its children open it, each from its
// beginning; the file is gone when it is closed and nobody has it open.
func MemoryFile() (file *os.File, path string, err error) {
	const name = "opora" // tells nothing, for it stands in /proc
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, "", fmt.Errorf("a file in memory: %w", err)
	}
	return os.NewFile(uintptr(fd), name), fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), nil
}
