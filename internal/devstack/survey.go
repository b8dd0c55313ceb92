package devstack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Finding is one thing that a stack needs and whether this machine has it.
type Finding struct {
	Name   string
	Found  string // what was found; "" when nothing
	Advice string // what happens, or what to do, when nothing was found
}

// Survey looks for what `opora dev` needs, without fetching or installing
// anything.
func Survey() []Finding {
	return []Finding{surveyJava(), surveyPostgres(), surveyKeycloak()}
}

func surveyJava() Finding {
	f := Finding{Name: "Java", Advice: "install Java 17 or newer: apt-get install default-jre-headless"}
	if mayInstall() {
		f.Advice = "opora dev installs Debian's default-jre-headless"
	}
	if java := usableJava(javaCandidates()); java != "" {
		version, _ := javaVersion(java)
		f.Found = fmt.Sprintf("%d, %s", version, java)
	}
	return f
}

func surveyPostgres() Finding {
	f := Finding{Name: "PostgreSQL server", Advice: "opora dev fetches binaries"}
	as, err := serverAccount()
	if err != nil {
		f.Advice = err.Error()
		return f
	}
	if found, ok := usablePostgres(postgresCandidates(), as); ok {
		f.Found = strconv.Itoa(found.major) + ", " + found.bin
	}
	return f
}

func surveyKeycloak() Finding {
	f := Finding{Name: "Keycloak", Advice: "opora dev fetches Keycloak " + keycloakArchive.version}
	if home := os.Getenv("KEYCLOAK_HOME"); home != "" {
		version, err := homeVersion(home)
		if err != nil {
			f.Advice = err.Error()
			return f
		}
		f.Found = version + ", " + home
		return f
	}
	if cache, err := cacheDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(cache, "keycloak", keycloakArchive.version+"-*", "version.txt"))
		if len(built) > 0 {
			f.Found = keycloakArchive.version + ", " + filepath.Dir(built[0])
		}
	}
	return f
}
