package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/tenancy"
)

// newCatalogueCommand gathers what platform admins do with the catalogue.
func newCatalogueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalogue",
		Short: "Check the YAML catalogue, and bring Keycloak to it",
	}
	cmd.PersistentFlags().StringP("folder", "f", ".", "folder of the catalogue")
	cmd.AddCommand(
		newCatalogueValidateCommand(),
		newCataloguePlanCommand(),
		newCatalogueApplyCommand(),
		newCatalogueExportCommand(),
		newCatalogueSecretCommand(),
	)
	return cmd
}

// catalogueFolder is what -f says.
func catalogueFolder(cmd *cobra.Command) string {
	folder, _ := cmd.Flags().GetString("folder")
	return folder
}

// loadCatalogue reads the catalogue in a folder of this machine; the files of
// its problems are named as from here.
func loadCatalogue(folder string) (tenancy.Catalogue, []tenancy.Problem) {
	return catalogue.Load(os.DirFS(folder), catalogue.Options{Folder: filepath.ToSlash(folder)})
}

// mustLoadCatalogue is loadCatalogue for commands that need one without
// errors: all of its problems go to the people's stream, the error says how many.
func mustLoadCatalogue(cmd *cobra.Command, folder string) (tenancy.Catalogue, error) {
	loaded, problems := loadCatalogue(folder)
	if catalogue.OK(problems) {
		return loaded, nil
	}
	writeProblems(cmd.ErrOrStderr(), problems)
	errors, _ := countProblems(problems)
	return tenancy.Catalogue{}, tenancy.E(tenancy.Invalid, "catalogue_invalid", fmt.Sprintf("the catalogue in %s has %s; see `opora catalogue validate -f %s`", folder, counted(errors, "error"), folder))
}

func newCatalogueValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Read the catalogue and tell every problem with its file and line",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, problems := loadCatalogue(catalogueFolder(cmd))
			if wantsJSON(cmd) {
				return writeValidationJSON(cmd.OutOrStdout(), loaded, problems)
			}
			return writeValidation(cmd.OutOrStdout(), loaded, problems)
		},
	}
}

// validation is the one document of `catalogue validate --output json`.
type validation struct {
	OK       bool              `json:"ok"`
	Errors   int               `json:"errors"`
	Warnings int               `json:"warnings"`
	Revision string            `json:"revision,omitempty"` // of a catalogue without errors
	Tenants  int               `json:"tenants"`
	Problems []tenancy.Problem `json:"problems"`
}

func writeValidationJSON(w io.Writer, loaded tenancy.Catalogue, problems []tenancy.Problem) error {
	v := validation{OK: catalogue.OK(problems), Tenants: len(loaded.Tenants), Problems: append([]tenancy.Problem{}, problems...)}
	v.Errors, v.Warnings = countProblems(problems)
	if v.OK {
		v.Revision = catalogue.Revision(loaded)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return failUnless(v.OK)
}

func writeValidation(w io.Writer, loaded tenancy.Catalogue, problems []tenancy.Problem) error {
	writeProblems(w, problems)
	errors, warnings := countProblems(problems)
	if errors == 0 {
		contracts := 0
		for _, t := range loaded.Tenants {
			contracts += len(t.Contracts)
		}
		fmt.Fprintf(w, "The catalogue is valid: %s, %s, %s, %s.\n", counted(len(loaded.Tenants), "tenant"), counted(contracts, "contract"),
			counted(len(loaded.SpecialistTypes), "specialist type"), counted(warnings, "warning"))
		return nil
	}
	fmt.Fprintf(w, "The catalogue is not valid: %s, %s.\n", counted(errors, "error"), counted(warnings, "warning"))
	return failUnless(false)
}

// failUnless ends a command whose output has said all there is to say.
func failUnless(ok bool) error {
	if ok {
		return nil
	}
	return exitError{1}
}

// writeProblems writes a line for each, as editors and CI like it.
func writeProblems(w io.Writer, problems []tenancy.Problem) {
	for _, p := range problems {
		where := p.File
		if p.Line > 0 {
			where += fmt.Sprintf(":%d", p.Line)
		}
		if p.Column != "" {
			where += ":" + p.Column
		}
		fmt.Fprintf(w, "%s: %s: %s (%s)\n", where, p.Severity, p.Message, p.Code)
	}
}

func countProblems(problems []tenancy.Problem) (errors, warnings int) {
	for _, p := range problems {
		if p.Severity == tenancy.SeverityError {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
