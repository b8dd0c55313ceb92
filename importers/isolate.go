package importers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// WorkerCommand is the argument with which the program starts itself to parse
// one file; whoever is started so must call Work and do nothing else.
const WorkerCommand = "parse-worker"

// workerMark is set for the child, so that a program that does not listen to
// WorkerCommand cannot start children without end.
const workerMark = "OPORA_PARSE_WORKER"

// Bounds of a parsing process. A list of a million rows stays far below them.
const (
	workerMemory  = 768 << 20        // soft: the garbage collector works harder near it
	workerThreads = 2                // one reads, one collects; more of them would only hold memory
	workerSeconds = 300              // RLIMIT_CPU, hard
	workerWall    = 10 * time.Minute // much of it may be waiting for who takes the rows
)

// order is what the worker is told, on its standard input.
type order struct {
	Path    string  `json:"path,omitempty"`
	Options Options `json:"options,omitzero"`
	Task    string  `json:"task,omitempty"` // instead of parsing; what it needs follows
}

// conclusion is the last thing that the worker says: how the parse ended.
type conclusion struct {
	Summary *json.RawMessage `json:"summary,omitempty"`
	Cost    Cost             `json:"cost,omitzero"`
	Problem *tenancy.Problem `json:"problem,omitempty"`
	Failure *failure         `json:"failure,omitempty"`
}

// failure is an error of the worker that is no problem of the file.
type failure struct {
	Kind    tenancy.Kind `json:"kind"`
	Code    string       `json:"code"`
	Message string       `json:"message"`
}

// ParseIsolated is Parse in a child process of the same binary (WorkerCommand)
// with bounds on memory, processor and wall time: a file that makes the reader
// burn or die costs that file and nothing else. Records come as they do from
// Parse, except that the child may still die while it hands them over: they are
// good only when no error is returned. An error of emit ends the child. With a
// problem of the file the summary holds nothing but what finding it has cost.
func ParseIsolated(ctx context.Context, path string, opts Options, emit func(Record) error) (Summary, error) {
	if os.Getenv(workerMark) != "" {
		return Summary{}, errors.New("importers: the program was started as a parser and does not know it: call WorkIfAsked first")
	}
	if opts.Today.IsZero() {
		opts.Today = today()
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, workerWall)
	defer cancel()
	told, err := json.Marshal(order{Path: path, Options: opts})
	if err != nil {
		return Summary{}, err
	}
	cmd, out, err := startWorker(ctx, told)
	if err != nil {
		return Summary{}, tenancy.E(tenancy.Unavailable, "parser_unavailable", "The list cannot be read just now: try again.", err)
	}
	summary, ended, err := readReplies(out, emit, opts.Progress)
	if err != nil {
		cancel() // whoever stopped listening ends the child
	}
	waitErr := cmd.Wait()
	switch {
	case err != nil:
		return summary, err
	case ended:
		return summary, nil
	case caller.Err() != nil:
		return Summary{}, context.Cause(caller)
	}
	return Summary{}, diedOn(ctx, waitErr)
}

// child is the program, started once more as a worker.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// startWorker starts a child and tells it what to do.
func startWorker(ctx context.Context, told []byte) (*exec.Cmd, io.Reader, error) {
	c, err := startChild(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, err = c.in.Write(told)
	return c.cmd, c.out, errors.Join(err, c.in.Close())
}

// ownBinary is this program, which is started as the worker; a test puts one
// without the race detector in its place.
var ownBinary = os.Executable

// startChild starts a child with an empty environment, so that no secret of
// the server is within its reach; it dies with its parent.
func startChild(ctx context.Context) (c child, err error) {
	self, err := ownBinary()
	if err != nil {
		return c, err
	}
	c.cmd = exec.CommandContext(ctx, self, WorkerCommand)
	c.cmd.Env = []string{workerMark + "=1", "GOTRACEBACK=none", fmt.Sprintf("GOMEMLIMIT=%d", workerMemory), fmt.Sprintf("GOMAXPROCS=%d", workerThreads)}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	c.cmd.WaitDelay = 5 * time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return c, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return c, err
	}
	return c, c.cmd.Start()
}

// readReplies hands the records on. ended says that the worker came to the end
// of its work; without it, what was handed on is not the whole list.
func readReplies(out io.Reader, emit func(Record) error, progress func(lines int)) (summary Summary, ended bool, err error) {
	frames := &frameReader{in: bufio.NewReaderSize(out, 64<<10)}
	for {
		kind, text, err := frames.next()
		if err != nil {
			return Summary{}, false, nil //nolint:nilerr // the exit status says why
		}
		switch kind {
		case conclusionFrame:
			return concluded(text)
		case progressFrame:
			if lines, err := strconv.Atoi(text); err == nil && progress != nil {
				progress(lines)
			}
			continue
		}
		u := unpacker{rest: text}
		r, err := u.record()
		if err != nil {
			return Summary{}, false, nil //nolint:nilerr // a child that writes this is as good as dead
		}
		if err := emit(r); err != nil {
			return Summary{}, false, err
		}
	}
}

func concluded(text string) (summary Summary, ended bool, err error) {
	var c conclusion
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return Summary{}, false, nil //nolint:nilerr // as above
	}
	switch {
	case c.Problem != nil:
		return Summary{Cost: c.Cost}, true, *c.Problem
	case c.Failure != nil:
		return Summary{}, true, tenancy.E(c.Failure.Kind, c.Failure.Code, c.Failure.Message)
	case c.Summary == nil:
		return Summary{}, false, nil
	}
	err = json.Unmarshal(*c.Summary, &summary)
	summary.Cost = c.Cost
	return summary, true, err
}

// diedOn says what the worker's end means for the person who sent the file: the
// bounds are far above what a list needs, so the file is no list.
func diedOn(ctx context.Context, waitErr error) error {
	var exit *exec.ExitError
	if ctx.Err() != nil || errors.As(waitErr, &exit) && exit.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		return book.Problem(book.FileTooLarge, 0, "Reading the file takes more time or memory than any list needs: copy the list alone into a new workbook, as values.")
	}
	return book.Problem(book.FileDamaged, 0, "The file cannot be read: save the list again with Excel, as values, and send it again.")
}

// WorkIfAsked is for the TestMain of packages whose tests call ParseIsolated:
// the child is then the test binary itself. When it was started as a worker it
// works and exits.
func WorkIfAsked() {
	if len(os.Args) != 2 || os.Args[1] != WorkerCommand {
		return
	}
	if err := Work(context.Background(), os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Work is the worker: it reads its order from in, parses under hard limits and
// writes replies to out. It never writes to the error stream what the file holds.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	var told order
	orders := json.NewDecoder(in)
	if err := orders.Decode(&told); err != nil {
		return err
	}
	if err := limitSelf(); err != nil {
		return err
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	go boundGarbage(ctx)
	if told.Task != "" {
		return doTask(ctx, told.Task, io.MultiReader(orders.Buffered(), in), out)
	}
	w := &frameWriter{out: bufio.NewWriterSize(out, 64<<10)}
	told.Options.Progress = func(lines int) {
		if w.write(progressFrame, strconv.AppendInt(nil, int64(lines), 10)) == nil {
			_ = w.out.Flush() // whoever does not listen any more ends this process
		}
	}
	summary, err := parseSafely(ctx, told, w.record)
	text, err := json.Marshal(conclude(summary, err))
	if err != nil {
		return err
	}
	if err := w.write(conclusionFrame, text); err != nil {
		return err
	}
	return w.out.Flush()
}

func conclude(summary Summary, err error) conclusion {
	var e *tenancy.Error
	p, isFile := book.ProblemOf(err)
	summary.Cost.Peak = peakMemory()
	switch {
	case isFile:
		return conclusion{Problem: &p, Cost: summary.Cost}
	case errors.As(err, &e):
		return conclusion{Failure: &failure{e.Kind, e.Code, e.Message}}
	case err != nil:
		return conclusion{Failure: &failure{tenancy.Internal, "parser_failed", "The list could not be read: try again."}}
	}
	text, _ := json.Marshal(summary) // plain fields only
	raw := json.RawMessage(text)
	return conclusion{Summary: &raw, Cost: summary.Cost}
}

// parseSafely turns a panic of the reader into damage of the file.
func parseSafely(ctx context.Context, told order, emit func(Record) error) (summary Summary, err error) {
	defer func() {
		if recover() != nil {
			err = book.Problem(book.FileDamaged, 0, "The file cannot be read: save the list again with Excel, as values, and send it again.")
		}
	}()
	return Parse(ctx, told.Path, told.Options, emit)
}

// Garbage is allowed to take that much before it is collected; of a large heap
// a seventh, because collecting costs by what lives, and of a small one two
// fifths, because it may be large in a moment.
const (
	garbage      = 6 << 20
	leastGarbage = 15 // percent of what lives
	mostGarbage  = 40
)

// boundGarbage adjusts the collector to what lives, which grows with the list:
// at a fixed share either short lists would be collected without end or long
// ones would take twice their memory.
func boundGarbage(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := 0
	for ctx.Err() == nil {
		metrics.Read(live)
		share := int(min(max(100*garbage/max(live[0].Value.Uint64(), 1), leastGarbage), mostGarbage))
		if share != last {
			debug.SetGCPercent(share)
			last = share
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// limitSelf sets hard limits on this process; they cannot be raised again.
func limitSelf() error {
	debug.SetMemoryLimit(workerMemory)
	for resource, limit := range map[int]uint64{
		syscall.RLIMIT_AS: workerAddress, syscall.RLIMIT_DATA: workerData, syscall.RLIMIT_CPU: workerSeconds, syscall.RLIMIT_CORE: 0, syscall.RLIMIT_FSIZE: 0,
	} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	return nil
}
