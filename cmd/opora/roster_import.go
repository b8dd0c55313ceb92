package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// importFlags are what the commands around an import may be told.
type importFlags struct {
	tenant, mode, entity, as string
	lang                     string
	accept                   []string
	noWait                   bool
	hints                    roster.Hints
}

// importing is what such a command has open.
type importing struct {
	*postgres.Rosters
	db    *postgres.DB
	actor tenancy.Actor
	cmd   *cobra.Command
	lang  tenancy.Language // of problems
}

// openImports reads the environment and connects. The command line acts as an
// operator of the contour, under the name that --as gives: who uploads and who
// accepts findings must be two.
func openImports(cmd *cobra.Command, as string) (importing, error) {
	var cfg Config
	if err := readConfig(os.LookupEnv, &cfg.Database, &cfg.Keys, &cfg.Scanner, &cfg.Uploads, &cfg.Retention); err != nil {
		return importing{}, err
	}
	db, rosters, err := openRosters(cmd.Context(), cfg)
	if err != nil {
		return importing{}, err
	}
	rosters.LimitUploads(cfg.Uploads.MaxBytes())
	rosters.KeepErrorsFor(time.Duration(cfg.Retention.Days()) * 24 * time.Hour)
	return importing{rosters, db, tenancy.Actor{ID: "operator:" + as, Roles: []tenancy.Role{tenancy.RoleOperator}}, cmd, tenancy.English}, nil
}

func (f *importFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.tenant, "tenant", "", "whose list it is (required)")
	flags.StringVar(&f.mode, "mode", "add", `what the list means: "full" (who is not on it leaves), "add" (new and changed people only) or "leavers"`)
	flags.StringVar(&f.entity, "legal-entity", "", "legal entity of rows that name none; the tenant's default one when absent")
	flags.StringVar(&f.hints.Sheet, "sheet", "", "name of the sheet with the list; found when absent")
	flags.IntVar(&f.hints.HeaderLine, "header-line", 0, "the header's last line; found when absent")
	flags.StringToStringVar(&f.hints.Mapping, "map", nil, "which column holds a field, such as phone=D (may be repeated); remembered for the tenant once the list is applied")
	_ = cmd.MarkFlagRequired("tenant")
}

func (f *importFlags) addName(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.as, "as", "operator", "who you are, for the audit log and for the rule that two people accept a finding")
}

func (f *importFlags) addAccept(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.accept, "accept", nil, "accept the finding with this code (may be repeated)")
}

func (f *importFlags) addLanguage(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.lang, "lang", "en", "language of what is said of problems: ru, kk or en")
}

// open is openImports with what the flags say.
func (f *importFlags) open(cmd *cobra.Command) (importing, error) {
	lang, err := languageOf(f.lang, tenancy.Country{})
	if err != nil {
		return importing{}, err
	}
	i, err := openImports(cmd, f.as)
	i.lang = lang
	return i, err
}

// newRosterPreviewCommand is `opora roster preview`.
func newRosterPreviewCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "preview FILE --tenant SLUG",
		Short: "Read a list, store the plan and show what it would change",
		Long: `Upload a list, compare it with the tenant's people and show the
changes, old → new, and every problem with its line and column. The plan is stored;
` + "`opora roster apply ID`" + ` carries it out exactly. Exits 0 when it may be applied, 2 when
it is held, 1 when the file cannot be taken.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := flags.open(cmd)
			if err != nil {
				return err
			}
			defer i.db.Close()
			planned, err := i.preview(args[0], flags)
			if err != nil {
				return err
			}
			return i.show(planned)
		},
	}
	flags.add(cmd)
	flags.addName(cmd)
	flags.addLanguage(cmd)
	return cmd
}

// newRosterApplyCommand is `opora roster apply`.
func newRosterApplyCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "apply FILE|IMPORT --tenant SLUG",
		Short: "Apply a list, or a stored plan, and wait until Keycloak has it",
		Long: `Apply a stored plan (by the id that preview printed), or preview and apply a file
in one go. A plan that the brake holds needs each finding accepted by its code, by
another person than the one who uploaded it: --as NAME --accept CODE.
Exits 0 when everything is in Keycloak, 2 when the import is held, 1 on an error or
when Keycloak refused somebody.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := flags.open(cmd)
			if err != nil {
				return err
			}
			defer i.db.Close()
			return i.apply(args[0], flags)
		},
	}
	flags.add(cmd)
	flags.addName(cmd)
	flags.addLanguage(cmd)
	flags.addAccept(cmd)
	cmd.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait for the workers")
	return cmd
}

// newRosterStepCommands are the commands that take an import's id and nothing
// else.
func newRosterStepCommands() []*cobra.Command {
	step := func(use, short string, do func(importing, roster.ImportID, []string) error, more ...func(*importFlags, *cobra.Command)) *cobra.Command {
		var flags importFlags
		cmd := &cobra.Command{
			Use: use + " IMPORT", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				i, err := flags.open(cmd)
				if err != nil {
					return err
				}
				defer i.db.Close()
				return do(i, roster.ImportID(args[0]), flags.accept)
			},
		}
		flags.addName(cmd)
		for _, add := range more {
			add(&flags, cmd)
		}
		return cmd
	}
	return []*cobra.Command{
		step("show", "Show an import: its state, changes and problems", func(i importing, id roster.ImportID, _ []string) error {
			found, err := i.Import(i.cmd.Context(), i.actor, id)
			if err != nil {
				return err
			}
			return i.show(found)
		}, (*importFlags).addLanguage),
		step("approve", "Accept findings of a held import by their codes", func(i importing, id roster.ImportID, accept []string) error {
			after, err := i.Approve(i.cmd.Context(), i.actor, id, accept)
			if err != nil {
				return err
			}
			return i.show(after)
		}, (*importFlags).addAccept, (*importFlags).addLanguage),
		step("cancel", "Give up an import that was not applied", func(i importing, id roster.ImportID, _ []string) error {
			after, err := i.Cancel(i.cmd.Context(), i.actor, id)
			if err != nil {
				return err
			}
			return i.print(after)
		}),
		step("undo", "Take an applied import back, as far as nothing changed since", func(i importing, id roster.ImportID, _ []string) error {
			report, err := i.Undo(i.cmd.Context(), i.actor, id)
			if err != nil {
				return err
			}
			return i.printUndo(report)
		}),
	}
}

// preview uploads a file and waits for its plan, reading it here when no worker
// is quicker.
func (i importing) preview(path string, flags importFlags) (roster.Import, error) {
	file, err := os.Open(path)
	if err != nil {
		return roster.Import{}, tenancy.E(tenancy.Invalid, "file_unreadable", "the list cannot be opened: "+err.Error())
	}
	defer file.Close()
	ctx := i.cmd.Context()
	made, err := i.Receive(ctx, i.actor, postgres.Upload{
		Tenant: tenancy.TenantSlug(flags.tenant), Mode: roster.Mode(flags.mode), LegalEntity: tenancy.LegalEntityCode(flags.entity), Hints: flags.hints, File: file,
	})
	if err != nil {
		return made, err
	}
	return i.awaitPlan(made)
}

// awaitPlan has the import read, here or by whoever has begun, and shows how
// far that is.
func (i importing) awaitPlan(made roster.Import) (roster.Import, error) {
	ctx, cancel := context.WithCancel(i.cmd.Context())
	defer cancel()
	parsed := make(chan error, 1)
	go func() { parsed <- i.parse(ctx, made.ID) }()
	progress := newImportProgress(i.cmd.ErrOrStderr())
	defer progress.end()
	for {
		select {
		case err := <-parsed:
			if err != nil {
				return made, err
			}
			return i.Import(ctx, i.actor, made.ID)
		case <-time.After(500 * time.Millisecond):
			now, err := i.ImportProgress(ctx, i.actor, made.ID)
			if err != nil {
				return made, err
			}
			progress.tell(now)
		}
	}
}

// parse reads an import's file in this process, unless a worker is quicker, and
// waits for a scanner that does not answer.
func (i importing) parse(ctx context.Context, id roster.ImportID) error {
	for {
		err := job.Parse(ctx, i.Rosters, id)
		switch {
		case errors.Is(err, job.ErrBusy):
			err = pause(ctx, 100*time.Millisecond)
		case job.IsWaiting(err):
			err = pause(ctx, job.ScanAgain)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

// apply is `roster apply` on a file or on a stored plan.
func (i importing) apply(what string, flags importFlags) error {
	planned, err := i.planned(what, flags)
	if err != nil {
		return err
	}
	ctx := i.cmd.Context()
	if len(flags.accept) > 0 && planned.State == roster.Held {
		if planned, err = i.Approve(ctx, i.actor, planned.ID, flags.accept); err != nil {
			return err
		}
	}
	if planned.State == roster.Failed {
		return i.show(planned)
	}
	after, err := i.Apply(ctx, i.actor, planned.ID)
	var e *tenancy.Error
	if errors.As(err, &e) && e.Code == "import_held" {
		fmt.Fprintln(i.cmd.ErrOrStderr(), "opora:", e.Message)
		return i.show(after)
	}
	if err != nil {
		return err
	}
	if !flags.noWait {
		if after, err = i.await(after); err != nil {
			return err
		}
	}
	if err := i.print(after); err != nil {
		return err
	}
	if after.Counts.Failed > 0 {
		return exitError{1}
	}
	return nil
}

// planned returns the stored plan with the id, or that of a file just read.
func (i importing) planned(what string, flags importFlags) (roster.Import, error) {
	if uuid.Validate(what) != nil {
		return i.preview(what, flags)
	}
	found, err := i.Import(i.cmd.Context(), i.actor, roster.ImportID(what))
	if err == nil && found.Tenant != tenancy.TenantSlug(flags.tenant) {
		err = tenancy.E(tenancy.NotFound, "import_unknown", "The tenant has no import with this id.")
	}
	return found, err
}

// quiet is how long an import may stand still before the person at the terminal
// is told what may be missing.
const quiet = 10 * time.Second

// await shows how far the workers are until every op has ended.
func (i importing) await(now roster.Import) (roster.Import, error) {
	ctx := i.cmd.Context()
	progress := newImportProgress(i.cmd.ErrOrStderr())
	defer progress.end()
	moved, told := time.Now(), false
	for now.State == roster.Applying {
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return now, err
		}
		next, err := i.ImportProgress(ctx, i.actor, now.ID)
		if err != nil {
			return now, err
		}
		if next.Done != now.Done {
			moved = time.Now()
			progress.tell(next)
		}
		if !told && time.Since(moved) > quiet {
			told = true
			progress.wait("waiting for a worker: see that `opora worker` runs and that Keycloak answers; nothing is lost meanwhile")
		}
		now = next
	}
	return i.Import(ctx, i.actor, now.ID)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
