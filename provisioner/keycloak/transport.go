package keycloak

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// maxBody bounds an answer: 64 MB is far above the largest list we ask for.
const maxBody = 64 << 20

// longestWait bounds what a Retry-After header can make us wait.
const longestWait = 10 * time.Second

// transport is what every authorised call goes through. It puts the token in,
// bounds the number of calls in flight (pace), gives each attempt a deadline and
// repeats it where that is safe:
//
//	answer                          repeated
//	401                             once, with a new token, any method
//	429, 503                        yes, any method: it was not done
//	connection refused              yes, any method: it was not sent
//	other failures, 502, 504        GET, PUT, DELETE: doing it twice is doing it once
//	                                POST: no, the caller observes first
type transport struct {
	config Config
	tokens *tokenSource
	pace   *pace
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if err := t.pace.enter(ctx); err != nil {
		return nil, err
	}
	defer t.pace.leave()
	renewed := false
	for attempt := 1; ; attempt++ {
		token, err := t.tokens.get(ctx)
		var response *http.Response
		if err == nil {
			sent := time.Now()
			response, err = t.attempt(request, token)
			if ctx.Err() == nil { // a caller who gives up says nothing of Keycloak
				t.pace.observe(response, err, time.Since(sent))
			}
		}
		if err == nil && response.StatusCode == http.StatusUnauthorized && !renewed {
			renewed = true
			t.tokens.refused(token)
			attempt--
			continue
		}
		if attempt >= t.config.Attempts || !repeatable(request.Method, response, err) || ctx.Err() != nil {
			return response, err
		}
		if !wait(ctx, t.delay(attempt, response)) {
			return nil, ctx.Err()
		}
	}
}

// attempt sends the request once. The answer is read to its end under the
// deadline, so that a cut in the middle of it is this attempt's failure.
func (t *transport) attempt(request *http.Request, token string) (*http.Response, error) {
	clone := request.Clone(request.Context())
	clone.Header.Set("Authorization", "Bearer "+token)
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		clone.Body = body
	}
	return bounded{t.config.Transport, t.config.CallTimeout}.RoundTrip(clone)
}

// bounded gives a call a deadline that holds until the answer has been read.
type bounded struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), b.timeout)
	defer cancel()
	response, err := b.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errors.New("the answer is larger than 64 MB")
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// repeatable is the table at transport.
func repeatable(method string, response *http.Response, err error) bool {
	safe := method != http.MethodPost && method != http.MethodPatch
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return true
		}
		var dns *net.DNSError
		return safe && !errors.As(err, &dns) && !isRefusal(err)
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return safe
	}
	return false
}

// delay is how long to wait after the attempt: what the answer asks for, or a
// random part of a time that doubles, so that callers do not come back at once.
func (t *transport) delay(attempt int, response *http.Response) time.Duration {
	if response != nil {
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			return min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	full := min(t.config.Backoff<<(attempt-1), longestWait)
	return full/2 + rand.N(full/2+1)
}

// wait sleeps unless the context ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
