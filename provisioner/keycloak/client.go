// Package keycloak speaks to Keycloak's admin API and is the only importer of
// gocloak. What gocloak has is used; what it lacks (organizations, results of
// partial imports, flows) goes through its resty client. Everything passes one
// transport, which knows tokens, deadlines, retries and how much may be in
// flight.
package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Nerzal/gocloak/v13"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Config says where Keycloak is and who speaks to it.
type Config struct {
	URL          string // base address, such as https://keycloak.internal:8443
	TokenRealm   string // the realm of the client: "master" for the catalogue, the country's for people
	ClientID     string
	ClientSecret string

	// The rest have good zeros.
	Transport   http.RoundTripper // http.DefaultTransport's settings when nil
	CallTimeout time.Duration     // for one attempt of one call; 30 s
	MaxInFlight int               // calls at once, fewer while Keycloak labours; 8. Three quarters of them may be partial imports
	Attempts    int               // of one call, the first included; 4
	Backoff     time.Duration     // before the second attempt, doubled each time, jittered; 200 ms
	BatchSize   int               // accounts in one partial import; 50
	// AllowVersion names one Keycloak version below the floor that is spoken to all the same.
	AllowVersion string
}

func (c Config) withDefaults() Config {
	c.URL = strings.TrimRight(c.URL, "/")
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		c.Transport = t
	}
	c.CallTimeout = orDefault(c.CallTimeout, 30*time.Second)
	c.MaxInFlight = orDefault(c.MaxInFlight, 8)
	c.Attempts = orDefault(c.Attempts, 4)
	c.Backoff = orDefault(c.Backoff, 200*time.Millisecond)
	c.BatchSize = orDefault(c.BatchSize, 50)
	return c
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Client speaks to one Keycloak as one client. It is safe for use by many
// goroutines.
type Client struct {
	config Config
	cloak  *gocloak.GoCloak
	tokens *tokenSource
}

// New returns a client. Nothing is sent before the first call.
func New(config Config) *Client {
	config = config.withDefaults()
	c := &Client{config: config}
	c.tokens = newTokenSource(config)
	c.cloak = newCloak(config.URL, &transport{config: config, tokens: c.tokens, pace: newPace(config.MaxInFlight)})
	return c
}

func newCloak(base string, t http.RoundTripper) *gocloak.GoCloak {
	cloak := gocloak.NewClient(base)
	cloak.RestyClient().SetTransport(t).SetRedirectPolicy(noRedirects{})
	return cloak
}

// byTransport stands where gocloak wants a token: the transport puts the real
// one in, renewed as needed.
const byTransport = ""

// path joins the parts below the base address, each escaped.
func (c *Client) path(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return c.config.URL + "/" + strings.Join(escaped, "/")
}

// realmPath joins the parts below /admin/realms/<realm>.
func (c *Client) realmPath(realm string, parts ...string) string {
	return c.path(append([]string{"admin", "realms", realm}, parts...)...)
}

// send makes one call with a JSON body, if in is not nil, and reads the JSON
// answer into out, if it is not nil. It returns the id at the end of the
// Location header, if the answer has one.
func (c *Client) send(ctx context.Context, method, address string, in, out any) (id string, err error) {
	request := c.cloak.GetRequestWithBearerAuth(ctx, byTransport)
	if in != nil {
		request.SetBody(in)
	}
	if out != nil {
		request.SetResult(out)
	}
	response, err := request.Execute(method, address)
	if err != nil {
		return "", asError(err)
	}
	if response.IsError() {
		return "", newStatusError(method, address, response.StatusCode(), response.Body())
	}
	location := response.Header().Get("Location")
	return location[strings.LastIndex(location, "/")+1:], nil
}

// get reads what stands at the address into out.
func (c *Client) get(ctx context.Context, address string, out any) error {
	_, err := c.send(ctx, http.MethodGet, address, nil, out)
	return err
}

// noRedirects refuses to follow: an admin API has no reason to redirect, and a
// token must not travel to another host.
type noRedirects struct{}

// Apply implements resty.RedirectPolicy.
func (noRedirects) Apply(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// unavailable is the error of a Keycloak that does not answer.
func unavailable(cause error) error {
	return tenancy.E(tenancy.Unavailable, "keycloak_unavailable", "Keycloak does not answer; try again when it does", cause)
}
