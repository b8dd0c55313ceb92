package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
	"github.com/ponimayu/opora/workbooks"
)

// newRosterCommand gathers what is done with lists of employees.
func newRosterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "roster",
		Short: "Read lists of employees, and bring the people to them",
	}
	cmd.AddCommand(
		newRosterParseCommand(),
		newRosterTemplateCommand(),
		newRosterSplitCommand(),
		newRosterExportCommand(),
		newRosterErrorsCommand(),
		newRosterPreviewCommand(),
		newRosterApplyCommand(),
		newRosterMappingCommand(),
		newRosterDueCommand(),
	)
	cmd.AddCommand(newRosterStepCommands()...)
	return cmd
}

// parseFlags are what `roster parse` may be told.
type parseFlags struct {
	country, sheet, catalogue, tenant string
	errors, lang                      string
	force                             bool
	columns                           []string
	headerLine                        int
}

func newRosterParseCommand() *cobra.Command {
	var flags parseFlags
	cmd := &cobra.Command{
		Use:   "parse FILE --country RU",
		Short: "Read a list offline: normalised rows and problems as JSON lines, summary last",
		Long: `Read a list (.xlsx, .xlsm, .xls, .ods, HTML, CSV) offline and print what was understood as JSON lines, in
file order: rows with their problems, skipped lines with the reason, the summary
last. With --catalogue and --tenant the legal entities and segments are checked too.
When the list asks which column holds what (header_ambiguous), answer with --map; a
field that no column holds is mapped to "-".
Exit status 0 when the file could be read, whatever its rows hold, else 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options(cmd)
			if err != nil {
				return err
			}
			marked, err := flags.marked(args[0], opts)
			if err != nil {
				return err
			}
			return parseToLines(cmd, opts, marked)
		},
	}
	cmd.Flags().StringVar(&flags.country, "country", "", "country of the list, such as RU (required)")
	cmd.Flags().StringVar(&flags.sheet, "sheet", "", "name of the sheet; the first one with a header when absent")
	cmd.Flags().StringVar(&flags.catalogue, "catalogue", "", "folder of the catalogue that knows the tenant")
	cmd.Flags().StringVar(&flags.tenant, "tenant", "", "tenant whose legal entities and segments hold")
	cmd.Flags().StringArrayVar(&flags.columns, "map", nil, "column of a field, such as phone=D; may be given several times")
	cmd.Flags().IntVar(&flags.headerLine, "header-line", 0, "last line of the header; found when absent")
	cmd.Flags().StringVar(&flags.errors, "errors", "", "write the list as a workbook (.xlsx) with its problems marked and a column that says what to do")
	cmd.Flags().StringVar(&flags.lang, "lang", "", "language of that column: ru, kk or en; the country's first when absent")
	cmd.Flags().BoolVar(&flags.force, "force", false, "replace the workbook of --errors when it exists")
	_ = cmd.MarkFlagRequired("country")
	cmd.MarkFlagsRequiredTogether("catalogue", "tenant")
	return cmd
}

// options turns the flags into what the importer needs to know.
func (f parseFlags) options(cmd *cobra.Command) (importers.Options, error) {
	var known tenancy.Catalogue
	var err error
	if f.catalogue != "" {
		known, err = mustLoadCatalogue(cmd, f.catalogue)
	} else {
		known, err = builtInCatalogue()
	}
	if err != nil {
		return importers.Options{}, err
	}
	country, err := countryOf(known, f.country)
	if err != nil {
		return importers.Options{}, err
	}
	opts := importers.Options{Country: country, Sheet: f.sheet, HeaderLine: f.headerLine}
	if opts.Mapping, err = mappingOf(f.columns); err != nil {
		return opts, err
	}
	if f.tenant == "" {
		return opts, nil
	}
	tenant, ok := known.Part(country.Code).Tenant(tenancy.TenantSlug(f.tenant))
	if !ok {
		return opts, tenancy.E(tenancy.NotFound, "tenant_unknown", fmt.Sprintf("the catalogue has no tenant %q with a contract in %s", f.tenant, country.Code))
	}
	opts.LegalEntities = append([]tenancy.LegalEntity{}, tenant.LegalEntities...)
	opts.Segments = append([]tenancy.Segment{}, tenant.Segments...)
	return opts, nil
}

// mappingOf reads what --map says: field=COLUMN each.
func mappingOf(columns []string) (importers.Mapping, error) {
	mapping := importers.Mapping{}
	for _, c := range columns {
		field, column, ok := strings.Cut(c, "=")
		if _, twice := mapping[importers.Field(field)]; !ok || twice {
			return nil, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("--map takes field=COLUMN, such as phone=D, once for each field; it was given %q", c))
		}
		mapping[importers.Field(field)] = column
	}
	return mapping, nil
}

// marked is the list that --errors asks for; without it only its path is set.
func (f parseFlags) marked(path string, opts importers.Options) (*markedList, error) {
	lang, err := languageOf(f.lang, opts.Country)
	if err == nil && f.errors != "" {
		err = mayWrite(f.errors, f.force)
	}
	return &markedList{path: path, to: f.errors, force: f.force, marking: workbooks.Marking{Options: opts, Language: lang}}, err
}

// builtInCatalogue is the base of every catalogue: countries without tenants.
func builtInCatalogue() (tenancy.Catalogue, error) {
	base, err := fs.Sub(templates.FS, "base")
	if err != nil {
		return tenancy.Catalogue{}, err
	}
	known, problems := catalogue.Load(base, catalogue.Options{})
	if !catalogue.OK(problems) {
		return tenancy.Catalogue{}, fmt.Errorf("the built-in catalogue is broken: %w", problems[0])
	}
	return known, nil
}

func countryOf(known tenancy.Catalogue, code string) (tenancy.Country, error) {
	country, ok := known.Country(tenancy.CountryCode(strings.ToUpper(code)))
	if ok {
		return country, nil
	}
	var codes []string
	for _, c := range known.Countries {
		codes = append(codes, string(c.Code))
	}
	return country, tenancy.E(tenancy.Invalid, "country_unknown", fmt.Sprintf("the country %q is not in the catalogue; it has %s", code, strings.Join(codes, ", ")))
}

// parseToLines prints the file's lines. A file that cannot be taken is told by
// the one error line and the exit status.
func parseToLines(cmd *cobra.Command, opts importers.Options, marked *markedList) error {
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	summary, err := importers.Parse(cmd.Context(), marked.path, opts, func(r importers.Record) error {
		marked.add(r)
		return lines.Encode(r)
	})
	var p tenancy.Problem
	switch {
	case errors.As(err, &p):
		if err := lines.Encode(importers.FileProblem(p)); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		return exitError{1}
	case err != nil:
		return err
	}
	if err := lines.Encode(summary); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	marked.marking.Summary = summary
	if marked.to != "" && len(marked.problems) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "there is nothing to correct in the list; no workbook was written")
	}
	return marked.write(cmd.Context())
}
