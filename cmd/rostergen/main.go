// Command rostergen makes up a list of employees of any size, for tests and
// measurements. The same seed gives the same people, so that
//
//	rostergen -n 50000 -o before.xlsx
//	rostergen -n 50000 -changed 0.01 -o after.xlsx
//
// are two states of one company.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "rostergen:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	var o rostergen.Options
	var f rostergen.File
	flags := flag.NewFlagSet("rostergen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.Rows, "n", 100, "people")
	flags.IntVar(&o.First, "first", 0, "number of the first person, to go on where another list ended")
	flags.Uint64Var(&o.Seed, "seed", 1, "the same seed gives the same people")
	country := flags.String("country", "RU", "RU or KZ")
	flags.StringVar(&o.Domain, "domain", "firm.example", "domain of the e-mail addresses")
	flags.StringVar(&o.Entity, "entity", "", "legal entity; without it the column is left out")
	flags.BoolVar(&o.IDs, "ids", false, "with made-up national ids")
	flags.Float64Var(&o.Dirt, "dirt", 0, "share of rows with a fault or an odd spelling, 0 to 1")
	flags.Float64Var(&o.Drop, "drop", 0, "share of people who are left out, 0 to 1")
	flags.Float64Var(&o.Changed, "changed", 0, "share of people with a new position and phone, 0 to 1")
	flags.StringVar(&f.Format, "format", "xlsx", "xlsx or csv")
	flags.StringVar(&f.Encoding, "encoding", "utf-8", "of csv: utf-8, utf-8-bom or windows-1251")
	flags.StringVar(&f.Delimiter, "delimiter", ";", "of csv")
	flags.BoolVar(&f.Titles, "titles", true, "title rows above the header")
	flags.BoolVar(&f.Total, "total", false, "a total and a signature below the last person")
	path := flags.String("o", "-", "file to write; - is the standard output")
	samples := flags.String("samples", "", "write the sample lists of the repository into this folder, and nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *samples != "" {
		return writeSamples(*samples)
	}
	o.Country = tenancy.CountryCode(*country)
	people, err := write(*path, stdout, o, f)
	if err == nil {
		fmt.Fprintf(stderr, "%d people\n", people)
	}
	return err
}

func writeSamples(folder string) error {
	for name := range rostergen.Samples {
		list, err := rostergen.Sample(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), list, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, stdout io.Writer, o rostergen.Options, f rostergen.File) (people int, err error) {
	if path == "-" {
		return rostergen.Write(stdout, o, f)
	}
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	if people, err = rostergen.Write(buffered, o, f); err == nil {
		err = buffered.Flush()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return people, err
}
