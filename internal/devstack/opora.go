package devstack

import (
	"context"
	"io/fs"
)

// Sample is what a contour is filled with.
type Sample struct {
	Catalogue fs.FS // folders of YAML, for `opora catalogue apply`
}

// opora is the Opora of a contour: the same program as ours, run for each
// command.
type opora struct {
	contour     *Contour
	port        int
	credentials []string // of the ready-made clients, as environment variables
}

func (o *opora) start(context.Context) error { return nil }
