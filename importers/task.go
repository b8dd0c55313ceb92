package importers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Task is work on an uploaded file, other than parsing it, that a child process
// does under the same bounds. It reads what it is told from in to its end, and
// only then writes its result to out.
type Task func(ctx context.Context, in io.Reader, out io.Writer) error

var tasks = map[string]Task{}

// RegisterTask makes a task known by a name. It is called while the program
// starts, by the package whose work it is: the child is the same program.
func RegisterTask(name string, task Task) { tasks[name] = task }

// errTaskDied says that a child has not come to the end of its task.
var errTaskDied = tenancy.E(tenancy.Internal, "task_failed", "The work on the list broke off; try again.")

// RunTask does a registered task in a child process of the same binary, with an
// empty environment and the bounds of a parse. feed writes what the task is to
// know, take reads its result; what it read is good only when no error is
// returned. An error of feed or take ends the child and is returned as it is.
func RunTask(ctx context.Context, name string, feed func(io.Writer) error, take func(io.Reader) error) error {
	if os.Getenv(workerMark) != "" {
		return errors.New("importers: the program was started as a worker and does not know it: call WorkIfAsked first")
	}
	told, err := json.Marshal(order{Task: name})
	if err != nil {
		return err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, workerWall)
	defer cancel()
	child, err := startChild(ctx)
	if err != nil {
		return tenancy.E(tenancy.Unavailable, "parser_unavailable", "The list cannot be worked on just now: try again.", err)
	}
	fed := bufio.NewWriterSize(child.in, 64<<10)
	_, died := fed.Write(told)
	watched := &watchedWriter{to: fed}
	err = feed(watched)
	died = errors.Join(died, watched.err, fed.Flush(), child.in.Close())
	if err == nil && died == nil {
		err = take(child.out)
	}
	if err != nil || died != nil {
		cancel()
	}
	waited := child.cmd.Wait()
	switch {
	case died != nil && caller.Err() == nil:
		return errTaskDied
	case err != nil:
		return err
	case caller.Err() != nil:
		return context.Cause(caller)
	case waited != nil:
		return errTaskDied
	}
	return nil
}

// watchedWriter remembers an error, to tell it from one of whoever writes.
type watchedWriter struct {
	to  io.Writer
	err error
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.err = errors.Join(w.err, err)
	return n, err
}

// doTask is the child's side of RunTask.
func doTask(ctx context.Context, name string, in io.Reader, out io.Writer) (err error) {
	task, ok := tasks[name]
	if !ok {
		return errors.New("importers: no such task")
	}
	defer func() {
		if recover() != nil {
			err = errTaskDied
		}
	}()
	w := bufio.NewWriterSize(out, 64<<10)
	if err := task(ctx, in, w); err != nil {
		return err
	}
	return w.Flush()
}

// today is the machine's day, for a child that knows no time zone.
func today() tenancy.Date { return tenancy.DateOf(time.Now()) }
