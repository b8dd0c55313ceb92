package provisioner

import (
	"context"
	"fmt"

	"github.com/ponimayu/opora/realms"
)

// Target is a Keycloak whose realms can be read and changed. Execute is safe to
// repeat: an op that has been carried out, wholly or in part, can be carried
// out again.
type Target interface {
	// Observe reads the realm. ours names the objects that the registry
	// knows as ours; the marked ones are ours too. A realm that does not
	// exist has no objects.
	Observe(ctx context.Context, realm string, ours map[realms.Ref]bool) (Observed, error)
	// Execute carries out one op in the realm.
	Execute(ctx context.Context, realm string, op Op) error
}

// Registry remembers the objects that Opora made and that cannot carry a mark.
type Registry interface {
	// Registered returns the objects of the realm that are ours.
	Registered(ctx context.Context, realm string) (map[realms.Ref]bool, error)
	// Register notes, before an object is made, that it will be ours.
	Register(ctx context.Context, realm string, ref realms.Ref) error
	// Unregister forgets an object, after it was removed.
	Unregister(ctx context.Context, realm string, ref realms.Ref) error
}

// Observe reads the realm with what the registry knows of it.
func Observe(ctx context.Context, target Target, registry Registry, realm string) (Observed, error) {
	ours, err := registry.Registered(ctx, realm)
	if err != nil {
		return Observed{}, err
	}
	return target.Observe(ctx, realm, ours)
}

// Apply carries out the ops in their order and stops at the first that fails.
// done, if not nil, is told of each op that was carried out.
func Apply(ctx context.Context, ops []Op, realm string, target Target, registry Registry, done func(Op)) error {
	for _, op := range ops {
		if err := apply(ctx, op, realm, target, registry); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if done != nil {
			done(op)
		}
	}
	return nil
}

func apply(ctx context.Context, op Op, realm string, target Target, registry Registry) error {
	unmarkable := op.Ref.Kind.Unmarkable()
	if unmarkable && op.Verb != Remove {
		if err := registry.Register(ctx, realm, op.Ref); err != nil {
			return err
		}
	}
	if err := target.Execute(ctx, realm, op); err != nil {
		return err
	}
	if unmarkable && op.Verb == Remove {
		return registry.Unregister(ctx, realm, op.Ref)
	}
	return nil
}
