package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// splitFile is one file that `roster split` has written.
type splitFile struct {
	workbooks.Part
	File string `json:"file"`
}

// newRosterSplitCommand is `opora roster split`.
func newRosterSplitCommand() *cobra.Command {
	var folder, sheet string
	var force bool
	cmd := &cobra.Command{
		Use:   "split FILE -o DIR",
		Short: "Divide a mixed list offline into one file per country of residence",
		Long: `Divide a list by its column of residence on your own computer, before anything is
uploaded: NAME.RU.xlsx, NAME.KZ.xlsx and, for rows that do not tell, NAME.unknown.xlsx.
Titles, header and columns are those of the list; CSV is divided into CSV (UTF-8).
Each file is read again, and all rows are accounted for. Exits 1 when the list has no
column of residence. Nothing is replaced without --force.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := builtInCatalogue()
			if err != nil {
				return err
			}
			split, err := workbooks.SplitByCountry(cmd.Context(), args[0], importers.Options{Country: known.Countries[0], Sheet: sheet})
			if err != nil {
				return err
			}
			written, err := writeParts(cmd, split, args[0], folder, force)
			if err != nil {
				return err
			}
			return printParts(cmd, split, written)
		},
	}
	cmd.Flags().StringVarP(&folder, "out", "o", "", "folder for the files (required)")
	cmd.Flags().StringVar(&sheet, "sheet", "", "name of the sheet; the first one with a header when absent")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that exist")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// writeParts writes every part, or none: no name may be taken before the first
// is written, and what was written is removed again when one of them fails.
func writeParts(cmd *cobra.Command, split *workbooks.Split, list, folder string, force bool) (written []splitFile, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, cannotWrite(err)
	}
	name, kind := strings.TrimSuffix(filepath.Base(list), filepath.Ext(list)), ".xlsx"
	if split.CSV {
		kind = ".csv"
	}
	for _, part := range split.Parts {
		file := splitFile{part, filepath.Join(folder, name+"."+string(part.Country)+kind)}
		if err := mayWrite(file.File, force); err != nil {
			return nil, err
		}
		written = append(written, file)
	}
	rows, ours := 0, 0
	defer func() {
		for _, file := range written[:ours] { // what --force has not replaced yet stays
			if err != nil {
				_ = os.Remove(file.File)
			}
		}
	}()
	for i, file := range written {
		err := writeFile(file.File, true, func(w io.Writer) error {
			n, err := split.Write(cmd.Context(), i, w)
			rows += n
			return err
		})
		if err != nil {
			return written, err
		}
		ours++
		if err := split.Verify(cmd.Context(), i, file.File); err != nil {
			return written, err
		}
	}
	if rows != split.Rows {
		return written, tenancy.E(tenancy.Internal, "rows_lost", fmt.Sprintf("The list has %d rows and its parts have %d; nothing was written: report this.", split.Rows, rows))
	}
	return written, nil
}

func printParts(cmd *cobra.Command, split *workbooks.Split, written []splitFile) error {
	out := cmd.OutOrStdout()
	if wantsJSON(cmd) {
		return json.NewEncoder(out).Encode(struct {
			Rows  int         `json:"rows"`
			Files []splitFile `json:"files"`
		}{split.Rows, written})
	}
	for _, file := range written {
		fmt.Fprintf(out, "%-8s %7d rows  %s\n", file.Country, file.Rows, file.File)
	}
	_, err := fmt.Fprintf(out, "%-8s %7d rows, all accounted for\n", "together", split.Rows)
	return err
}
