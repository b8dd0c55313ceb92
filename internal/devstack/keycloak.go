package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	floor "github.com/ponimayu/opora/provisioner/keycloak"
)

// keycloakArchive is the distribution that is fetched when KEYCLOAK_HOME names
// none.
var keycloakArchive = artifact{
	group: "org.keycloak", name: "keycloak-quarkus-dist", version: "26.7.4", kind: "tar.gz", size: 176451297,
	sha256: "04823c336b797a7e18889a44262a7a64e6bf624cbbcc518c85e2622176ff2eee",
	page:   "https://github.com/keycloak/keycloak/releases/download/26.7.4/keycloak-26.7.4.tar.gz",
}

// keycloakBuildOptions are fixed when Keycloak is built, once.
var keycloakBuildOptions = []string{"--db=postgres", "--health-enabled=true", "--metrics-enabled=true"}

// keycloakInstall is a built distribution, shared by all stacks and never
// written to after it was built.
type keycloakInstall struct{ home, version string }

// findKeycloak returns a built Keycloak: that of KEYCLOAK_HOME, copied, or the
// fetched one. A build is named for its version and options.
func (p *parts) findKeycloak(ctx context.Context) (keycloakInstall, error) {
	version, source := keycloakArchive.version, os.Getenv("KEYCLOAK_HOME")
	if source != "" {
		var err error
		if version, err = homeVersion(source); err != nil {
			return keycloakInstall{}, err
		}
	}
	sum := sha256.Sum256([]byte(homeStamp(source) + "\n" + strings.Join(keycloakBuildOptions, "\n")))
	dir := filepath.Join(p.cache, "keycloak", version+"-"+hex.EncodeToString(sum[:4]))
	err := once(dir, p.waiting("another start that builds Keycloak"), func(tmp string) error {
		if source != "" {
			if err := os.CopyFS(tmp, os.DirFS(source)); err != nil {
				return fmt.Errorf("copying KEYCLOAK_HOME: %w", err)
			}
		} else if err := p.unpackKeycloak(ctx, tmp); err != nil {
			return err
		}
		return p.buildKeycloak(ctx, tmp)
	})
	return keycloakInstall{home: dir, version: version}, err
}

// homeStamp tells one state of a Keycloak folder from another: its path and
// when its settings and extensions were changed.
func homeStamp(home string) string {
	stamp := home
	for _, name := range []string{"version.txt", "conf/keycloak.conf", "providers", "themes"} {
		if info, err := os.Stat(filepath.Join(home, name)); home != "" && err == nil {
			stamp += "\n" + info.ModTime().UTC().Format(time.RFC3339Nano)
		}
	}
	return stamp
}

func (p *parts) unpackKeycloak(ctx context.Context, dir string) error {
	archive, err := p.fetch(ctx, keycloakArchive)
	if err != nil {
		return err
	}
	s := p.progress.begin("Unpacking Keycloak", keycloakArchive.size)
	return s.end(unpackTarGz(archive, dir, s))
}

// buildKeycloak has Keycloak prepare itself for the options, so that every
// later start is quick.
func (p *parts) buildKeycloak(ctx context.Context, home string) error {
	s := p.progress.begin("Building Keycloak (once)", 0)
	var log strings.Builder
	cmd := p.keycloakCommand(home, home, append([]string{"build"}, keycloakBuildOptions...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := p.procs.run(ctx, program{name: "Keycloak's build"}, cmd); err != nil {
		return s.end(fmt.Errorf("building Keycloak: %w\n%s", err, lastLines(log.String(), 8)))
	}
	return s.end(nil)
}

// keycloakCommand returns what kc.sh would run, without the shell in between,
// so that signals and process ids are Keycloak's own. home is the folder with
// conf and data, install the one with the program.
func (p *parts) keycloakCommand(install, home string, args ...string) *exec.Cmd {
	java := []string{
		"-Dkc.home.dir=" + home,
		"-Djboss.server.config.dir=" + filepath.Join(home, "conf"),
		"-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
		"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
		"-Dpicocli.disable.closures=true", "-Dquarkus-log-max-startup-records=10000",
		"-Djava.security.egd=file:/dev/urandom", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8",
		"-Duser.language=en", "-Duser.country=US", "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
		// A small machine runs two of these beside the tests.
		"-Xms96m", "-Xmx640m", "-XX:MetaspaceSize=96M", "-XX:MaxMetaspaceSize=256m", "-XX:+ExitOnOutOfMemoryError", "-XX:+UseSerialGC",
		"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
		"--add-opens=java.base/java.security=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED",
		"-cp", filepath.Join(install, "lib", "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
	}
	if !p.measured {
		// The quick compiler alone halves the processor time until Keycloak is
		// ready; over minutes of work it costs a fifth.
		java = append([]string{"-XX:TieredStopAtLevel=1"}, java...)
	}
	cmd := exec.Command(p.java, append(java, args...)...)
	cmd.Env = withoutVariables(withoutVariables(os.Environ(), "KC_"), "KEYCLOAK_")
	cmd.Dir = home
	return cmd
}

var keycloakVersionPattern = regexp.MustCompile(`Version (\d+\.\d+\.\d+)`)

// homeVersion reads the version of a Keycloak folder and refuses one with
// known holes.
func homeVersion(home string) (string, error) {
	b, err := os.ReadFile(filepath.Join(home, "version.txt"))
	if err != nil {
		return "", fmt.Errorf("KEYCLOAK_HOME is not a Keycloak folder: %w", err)
	}
	m := keycloakVersionPattern.FindSubmatch(b)
	if m == nil {
		return "", errors.New("the version.txt of KEYCLOAK_HOME names no version")
	}
	version := string(m[1])
	if !floor.AboveFloor(version) {
		return "", fmt.Errorf("KEYCLOAK_HOME is Keycloak %s; %s", version, keycloakFloor)
	}
	return version, nil
}

// keycloakFloor says which versions of Keycloak Opora runs with.
const keycloakFloor = "Opora needs 26.7.3 or newer (26.6.7 in the line 26.6): older ones have known holes in organizations and delegated rights"

// keycloak is one running Keycloak.
type keycloak struct {
	parts *parts
	home  string // of this instance: links to the program, its own data
	log   string
	port  int
	admin int // the port of health and metrics
	db    *cluster
	dbKey string // the database role's password
	env   []string

	server *process
}

// prepareHome makes the instance's own folder: the program and its
// configuration are links, so that instances do not write into one another.
func (k *keycloak) prepareHome() error {
	if err := os.MkdirAll(filepath.Join(k.home, "data"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"bin", "conf", "lib", "providers", "themes", "version.txt"} {
		link := filepath.Join(k.home, name)
		_ = os.Remove(link)
		if err := os.Symlink(filepath.Join(k.parts.keycloak.home, name), link); err != nil {
			return err
		}
	}
	return nil
}

// url is Keycloak's address.
func (k *keycloak) url() string { return "http://" + loopback + ":" + strconv.Itoa(k.port) }

// start starts Keycloak and returns when it says that it is ready.
func (k *keycloak) start(ctx context.Context) error {
	if err := k.prepareHome(); err != nil {
		return err
	}
	log, err := os.OpenFile(k.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := k.parts.keycloakCommand(k.parts.keycloak.home, k.home, "start", "--optimized",
		"--db-url=jdbc:postgresql://"+loopback+":"+strconv.Itoa(k.db.port)+"/keycloak", "--db-username=keycloak",
		"--http-enabled=true", "--http-host="+loopback, "--http-port="+strconv.Itoa(k.port), "--http-management-port="+strconv.Itoa(k.admin),
		"--hostname="+k.url(), "--cache=local", "--log-level=warn,org.keycloak.events:error")
	// Secrets travel in the environment: arguments are for all to see.
	cmd.Env = append(append(cmd.Env, "KC_DB_PASSWORD="+k.dbKey), k.env...)
	cmd.Stdout, cmd.Stderr = log, log
	if k.server, err = k.parts.procs.start(program{name: "Keycloak", soft: syscall.SIGTERM}, cmd); err != nil {
		return err
	}
	k.server.revive = func(ctx context.Context) (*process, error) {
		err := k.start(ctx)
		return k.server, err
	}
	return k.server.await(ctx, 5*time.Minute, k.log, k.ready)
}

// ready asks Keycloak's health.
func (k *keycloak) ready(ctx context.Context) bool {
	return answersOK(ctx, "http://"+loopback+":"+strconv.Itoa(k.admin)+"/health/ready")
}

// stop shuts Keycloak down.
func (k *keycloak) stop() {
	if k.server != nil {
		k.parts.procs.stop(k.server, stopGrace)
	}
}
