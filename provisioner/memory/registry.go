package memory

import (
	"context"
	"maps"
	"sync"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// Registry is provisioner.Registry in a map. Use NewRegistry.
type Registry struct {
	mu   sync.Mutex
	ours map[string]map[realms.Ref]bool
}

var _ provisioner.Registry = (*Registry)(nil)

// NewRegistry returns a registry that knows nothing.
func NewRegistry() *Registry { return &Registry{ours: map[string]map[realms.Ref]bool{}} }

// Registered implements provisioner.Registry.
func (r *Registry) Registered(_ context.Context, realm string) (map[realms.Ref]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ours[realm]), nil
}

// Register implements provisioner.Registry.
func (r *Registry) Register(_ context.Context, realm string, ref realms.Ref) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ours[realm] == nil {
		r.ours[realm] = map[realms.Ref]bool{}
	}
	r.ours[realm][ref] = true
	return nil
}

// Unregister implements provisioner.Registry.
func (r *Registry) Unregister(_ context.Context, realm string, ref realms.Ref) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ours[realm], ref)
	return nil
}
