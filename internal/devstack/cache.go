package devstack

import (
	"fmt"
	"os"
	"path/filepath"
)

// cacheVariable names a cache folder to use instead of the user's own.
const cacheVariable = "OPORA_CACHE_DIR"

// cacheDir returns the folder in which parts are kept between runs:
// OPORA_CACHE_DIR, else "opora" in the user's cache, else (no HOME) a folder
// for this user below the system's places.
func cacheDir() (string, error) {
	dir := os.Getenv(cacheVariable)
	if dir == "" {
		base, err := os.UserCacheDir()
		switch {
		case err == nil:
			dir = filepath.Join(base, "opora")
		case os.Geteuid() == 0:
			dir = rootCache
		default:
			dir = filepath.Join(os.TempDir(), fmt.Sprintf("opora-cache-%d", os.Getuid()))
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("the cache folder cannot be made (%s names another one): %w", cacheVariable, err)
	}
	return dir, ownFolder(dir)
}

// rootCache is root's cache when its home is closed to the user PostgreSQL
// runs as, or when it has none.
const rootCache = "/var/cache/opora"

// ownFolder refuses a folder of somebody else: what lies in it is executed.
func ownFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if uid := ownerOf(info); uid != os.Geteuid() {
		return fmt.Errorf("the cache folder %s belongs to another user (%d); name one of your own in %s", dir, uid, cacheVariable)
	}
	return nil
}

// openCacheDir returns a cache folder that the account can enter.
func openCacheDir(dir string, as *account) (string, error) {
	if as.reaches(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(rootCache, 0o755); err != nil {
		return "", err
	}
	return rootCache, ownFolder(rootCache)
}

// once makes dir unless it is there: under a lock, fill builds it in a folder
// beside it, which is then renamed. A half-made folder is never seen.
func once(dir string, waiting func(), fill func(tmp string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	l, err := waitLock(dir+".lock", waiting)
	if err != nil {
		return err
	}
	defer l.release()
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// What a killed predecessor left (we hold the lock, so it is nobody's).
	leftovers, _ := filepath.Glob(dir + ".part-*")
	for _, old := range leftovers {
		if old != tmp {
			_ = os.RemoveAll(old)
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}
