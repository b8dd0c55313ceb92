package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// languageOf is the language that was asked for, or the country's first one.
func languageOf(asked string, country tenancy.Country) (tenancy.Language, error) {
	switch lang := tenancy.Language(asked); {
	case lang == tenancy.Russian, lang == tenancy.Kazakh, lang == tenancy.English:
		return lang, nil
	case asked != "":
		return "", tenancy.E(tenancy.Invalid, "language_unknown", `The language is "ru", "kk" or "en".`)
	case len(country.Languages) > 0:
		return country.Languages[0], nil
	}
	return tenancy.English, nil
}

// markedList is a list whose problems are written into a workbook beside it.
type markedList struct {
	path, to string
	force    bool
	marking  workbooks.Marking
	problems []tenancy.Problem
}

// add keeps what the marker needs of a row's problems.
func (m *markedList) add(record importers.Record) {
	if m.to == "" {
		return
	}
	for _, p := range record.Problems {
		if !workbooks.Marks(p) {
			continue
		}
		if importers.Advice(p.Code, m.marking.Language) != "" {
			p.Message = ""
		}
		m.problems = append(m.problems, p)
	}
}

func (m *markedList) each() iter.Seq2[tenancy.Problem, error] {
	return func(yield func(tenancy.Problem, error) bool) {
		for _, p := range m.problems {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// write writes the workbook, when there is something to correct.
func (m *markedList) write(ctx context.Context) error {
	if len(m.problems) == 0 {
		return nil
	}
	return writeFile(m.to, m.force, func(w io.Writer) error {
		return workbooks.Mark(ctx, m.path, m.marking, m.each(), w)
	})
}

// writeFile writes a file as a whole or not at all: it is written beside its
// place, readable for its owner alone, and moved there when it is complete. An
// existing file is replaced only when force says so.
func writeFile(path string, force bool, write func(io.Writer) error) (err error) {
	if err := mayWrite(path, force); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".opora-*")
	if err != nil {
		return cannotWrite(err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	out := bufio.NewWriterSize(file, 256<<10)
	if err := write(out); err != nil {
		return err
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return cannotWrite(err)
	}
	return cannotWrite(os.Rename(file.Name(), path))
}

// writeAsked writes the file that a command was asked for; with --output json
// it says where, in one document.
func writeAsked(cmd *cobra.Command, path string, force bool, write func(io.Writer) error) error {
	if err := writeFile(path, force, write); err != nil || !wantsJSON(cmd) {
		return err
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
		File string `json:"file"`
	}{path})
}

// mayWrite refuses to replace a file.
func mayWrite(path string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force {
		return tenancy.E(tenancy.Conflict, "file_exists", "The file to be written exists already: give another name, or --force to replace it.")
	}
	return nil
}

func cannotWrite(err error) error {
	if err == nil {
		return nil
	}
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return tenancy.E(tenancy.Invalid, "file_unwritable", "The file cannot be written: see that the folder exists and has room, and that you may write there.", err)
}
