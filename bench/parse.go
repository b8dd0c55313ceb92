package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"
)

// What issue 4 promises of a list until its plan is made.
const (
	wantedParse  = 1 / 2.5 // of the rate of excelize's bare loop over the same file
	wantedMemory = 200     // MB, at a million rows: the child's peak and the server's growth together
)

// parseSizes says how many rows are measured.
type parseSizes struct {
	rows  int // of the workbook that is compared with excelize
	many  int // of the text, for its memory; 0 leaves it out
	huge  int // of a workbook, for its memory; 0 leaves it out
	turns int
}

// turn is what one process measured of one file, and says on its last line.
type turn struct {
	Rows    int           `json:"rows"`
	Took    time.Duration `json:"took"`
	Child   int64         `json:"child,omitempty"`  // bytes, at most
	Growth  int64         `json:"growth,omitempty"` // bytes, at most
	Spent   []spending    `json:"spent,omitempty"`
	Unpack  time.Duration `json:"unpack,omitempty"`
	Refused int           `json:"refused,omitempty"`
}

// spending is a line of the table that shows where the time went.
type spending struct {
	On   string        `json:"on"`
	Took time.Duration `json:"took"`
}

// benchParse measures a list from its bytes to its plan: how fast beside
// excelize's own loop over the rows, which checks nothing and keeps nothing,
// and how much memory a million rows take.
func benchParse(ctx context.Context, n parseSizes) ([]result, error) {
	dir, err := os.MkdirTemp("", "opora-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	results, err := benchWorkbook(ctx, dir, n)
	if err != nil {
		return nil, err
	}
	for _, m := range []struct {
		rows   int
		format string
	}{{n.many, "csv"}, {n.huge, "xlsx"}} {
		if m.rows == 0 {
			continue
		}
		r, err := benchMemory(ctx, dir, m.format, m.rows)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// benchWorkbook takes turns, so that both sides meet the same machine.
func benchWorkbook(ctx context.Context, dir string, n parseSizes) ([]result, error) {
	file, err := dirtyList(ctx, dir, "xlsx", n.rows)
	if err != nil {
		return nil, err
	}
	var ours, theirs turn
	for range max(n.turns, 1) {
		t, err := takeTurn(ctx, excelizeTurn, file)
		if err != nil {
			return nil, err
		}
		theirs = faster(theirs, t)
		if t, err = takeTurn(ctx, parseTurn, file); err != nil {
			return nil, err
		}
		ours = faster(ours, t)
	}
	showSpending(fmt.Sprintf("%d rows of xlsx", n.rows), ours, theirs)
	return []result{{
		What:  fmt.Sprintf("xlsx to plan (pre-flight, parse, validate, diff), %d rows", n.rows),
		Opora: rate(n.rows, ours.Took),
		Rival: "bare excelize row loop", RivalRate: rate(n.rows, theirs.Took), Wanted: wantedParse,
	}}, nil
}

func benchMemory(ctx context.Context, dir, format string, rows int) (result, error) {
	file, err := dirtyList(ctx, dir, format, rows)
	if err != nil {
		return result{}, err
	}
	t, err := takeTurn(ctx, parseTurn, file)
	if err != nil {
		return result{}, err
	}
	showSpending(fmt.Sprintf("%d rows of %s", rows, format), t, turn{})
	return result{
		What:  fmt.Sprintf("memory in MB: allowed at a million rows / used at %d rows of %s", rows, format),
		Opora: wantedMemory, Rival: "child's peak + server's growth", RivalRate: megabytes(t.Child + t.Growth), Wanted: 1,
	}, nil
}

func rate(rows int, took time.Duration) float64 { return float64(rows) / took.Seconds() }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

func faster(a, b turn) turn {
	if a.Took != 0 && a.Took < b.Took {
		return a
	}
	return b
}

// dirtyList makes the list up: ten columns, and three rows of a hundred with a
// fault or an odd spelling.
func dirtyList(ctx context.Context, dir, format string, rows int) (string, error) {
	file := filepath.Join(dir, strconv.Itoa(rows)+"."+format)
	generate := exec.CommandContext(ctx, "go", "run", "./cmd/rostergen",
		"-n", strconv.Itoa(rows), "-seed", "7", "-country", "RU", "-dirt", "0.03", "-format", format, "-o", file)
	generate.Stderr = os.Stderr
	return file, generate.Run()
}

// takeTurn has one side measured in a process of its own: what the one took of
// memory must not stand on the other's account.
func takeTurn(ctx context.Context, side, file string) (turn, error) {
	self, err := os.Executable()
	if err != nil {
		return turn{}, err
	}
	cmd := exec.CommandContext(ctx, self, side, file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return turn{}, fmt.Errorf("%s: %w", side, err)
	}
	var t turn
	return t, json.Unmarshal(out, &t)
}

// showSpending prints where the time went.
func showSpending(what string, ours, theirs turn) {
	w := tabwriter.NewWriter(os.Stderr, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(os.Stderr, "parse: %s in %.1f s, child at most %.0f MB, server %.0f MB more; %d rows refused\n",
		what, ours.Took.Seconds(), megabytes(ours.Child), megabytes(ours.Growth), ours.Refused)
	for _, s := range ours.Spent {
		fmt.Fprintf(w, "%s\t%.2f s\t%.0f %%\t\n", s.On, s.Took.Seconds(), 100*s.Took.Seconds()/ours.Took.Seconds())
	}
	if theirs.Took > 0 {
		fmt.Fprintf(w, "excelize's loop\t%.2f s\t%.0f %%\t\n", theirs.Took.Seconds(), 100*theirs.Took.Seconds()/ours.Took.Seconds())
	}
	_ = w.Flush()
}
