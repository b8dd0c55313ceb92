package main

import (
	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// newRosterTemplateCommand is `opora roster template`.
func newRosterTemplateCommand() *cobra.Command {
	var flags parseFlags
	var to string
	cmd := &cobra.Command{
		Use:   "template --country RU -o FILE",
		Short: "Write an empty list (.xlsx) for HR to fill in",
		Long: `Write an empty list as a workbook: the columns of the country with what is required
and why, checks of what is typed in, made-up examples and an instruction. With
--catalogue and --tenant the tenant's legal entities and segments can be chosen.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			template, err := flags.template(cmd)
			if err != nil {
				return err
			}
			return writeAsked(cmd, to, flags.force, template.Write)
		},
	}
	cmd.Flags().StringVar(&flags.country, "country", "", "country of the list, such as RU (required)")
	cmd.Flags().StringVar(&flags.lang, "lang", "", "language: ru, kk or en; the country's first when absent")
	cmd.Flags().StringVar(&flags.catalogue, "catalogue", "", "folder of the catalogue that knows the tenant")
	cmd.Flags().StringVar(&flags.tenant, "tenant", "", "tenant whose legal entities and segments may be chosen")
	addOutput(cmd, &to, &flags.force)
	_ = cmd.MarkFlagRequired("country")
	cmd.MarkFlagsRequiredTogether("catalogue", "tenant")
	return cmd
}

// addOutput adds the flags of a command that writes a file.
func addOutput(cmd *cobra.Command, to *string, force *bool) {
	cmd.Flags().StringVarP(to, "out", "o", "", "file to write (required)")
	cmd.Flags().BoolVar(force, "force", false, "replace the file when it exists")
	_ = cmd.MarkFlagRequired("out")
}

// template is the template that the flags ask for.
func (f parseFlags) template(cmd *cobra.Command) (workbooks.Template, error) {
	options, err := f.options(cmd)
	if err != nil {
		return workbooks.Template{}, err
	}
	lang, err := languageOf(f.lang, options.Country)
	if err != nil {
		return workbooks.Template{}, err
	}
	known, err := builtInCatalogue()
	if f.catalogue != "" {
		known, err = mustLoadCatalogue(cmd, f.catalogue)
	}
	if err != nil {
		return workbooks.Template{}, err
	}
	return workbooks.Template{
		Country: options.Country, Countries: known.Countries, Language: lang,
		LegalEntities: ofCountry(options.LegalEntities, options.Country.Code), Segments: options.Segments,
	}, nil
}

// ofCountry are the legal entities that employ people in a country.
func ofCountry(entities []tenancy.LegalEntity, country tenancy.CountryCode) (own []tenancy.LegalEntity) {
	for _, e := range entities {
		if e.Country == "" || e.Country == country {
			own = append(own, e)
		}
	}
	return own
}
