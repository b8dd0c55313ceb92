package main

import (
	"io"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// newRosterExportCommand is `opora roster export`.
func newRosterExportCommand() *cobra.Command {
	var tenant, to, format, lang, as string
	var force bool
	cmd := &cobra.Command{
		Use:   "export --tenant SLUG -o FILE",
		Short: "Write the people whom a tenant has, as a list that can be uploaded again",
		Long: `Write every employment that is not over, one row each, as a workbook or as CSV
(UTF-8, semicolons). Uploaded again in mode full the list changes nothing. It holds
no national ids. Each export is in the audit log.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			language, err := askedLanguage(lang)
			if err != nil {
				return err
			}
			if format != string(workbooks.XLSX) && format != string(workbooks.CSV) {
				return tenancy.E(tenancy.Invalid, "format_unknown", `The format is "xlsx" or "csv".`)
			}
			i, err := openImports(cmd, as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			return writeAsked(cmd, to, force, func(w io.Writer) error {
				return i.ExportRoster(cmd.Context(), i.actor, tenancy.TenantSlug(tenant), workbooks.Format(format), language, w)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "whose people (required)")
	cmd.Flags().StringVar(&format, "format", "xlsx", `"xlsx" or "csv"`)
	cmd.Flags().StringVar(&lang, "lang", "", "language of the header: ru, kk or en; the country's first when absent")
	cmd.Flags().StringVar(&as, "as", "operator", "who you are, for the audit log")
	addOutput(cmd, &to, &force)
	_ = cmd.MarkFlagRequired("tenant")
	return cmd
}

// newRosterErrorsCommand is `opora roster errors`.
func newRosterErrorsCommand() *cobra.Command {
	var to, lang, as string
	var force bool
	cmd := &cobra.Command{
		Use:   "errors IMPORT -o FILE",
		Short: "Write the workbook in which HR corrects a list: the list itself, with its problems marked",
		Long: `Write the list of an import with its problems marked where they are and a column that
says what to do. After correction the workbook is uploaded as it is. It is kept for
some days (OPORA_UPLOAD_DAYS) and removed when the import is cancelled.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			language, err := askedLanguage(lang)
			if err != nil {
				return err
			}
			if uuid.Validate(args[0]) != nil {
				return tenancy.E(tenancy.Invalid, "import_unknown", "Give the id that preview printed.")
			}
			i, err := openImports(cmd, as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			return writeAsked(cmd, to, force, func(w io.Writer) error {
				return i.ErrorWorkbook(cmd.Context(), i.actor, roster.ImportID(args[0]), language, w)
			})
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "", "language of the advice: ru, kk or en; the country's first when absent")
	cmd.Flags().StringVar(&as, "as", "operator", "who you are, for the audit log")
	addOutput(cmd, &to, &force)
	return cmd
}

// askedLanguage is the language that was asked for, "" when none was.
func askedLanguage(asked string) (tenancy.Language, error) {
	if asked == "" {
		return "", nil
	}
	return languageOf(asked, tenancy.Country{})
}
