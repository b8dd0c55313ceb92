package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/devstack"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates"
)

// devOptions are the flags of `opora dev`.
type devOptions struct {
	countries []string
	command   string
	only      []string
	data      string
	reset     bool
	env       bool
}

// newDevCommand is `opora dev`: the whole stack on this machine.
func newDevCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run PostgreSQL, Keycloak and Opora with sample data on this machine",
		Long: `Run the whole stack on this machine: PostgreSQL, Keycloak and Opora with the sample
catalogue and rosters. What is missing is fetched into the user's cache, verified by
checksum. Ctrl-C stops everything.

With --exec CMD, "sh -c CMD" runs on a fresh stack that is thrown away afterwards, with
OPORA_URL, KEYCLOAK_URL, DATABASE_URL and the credentials of ready-made clients in its
environment; the exit status is CMD's.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.reset:
				return resetDev(cmd, o)
			case o.env:
				return envDev(cmd, o)
			case cmd.Flags().Changed("exec"):
				return execDev(cmd, o)
			}
			return runDev(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.countries, "countries", []string{"RU"}, "countries to start, a sealed contour each")
	f.StringVar(&o.command, "exec", "", "run this command on a fresh stack, then stop it and exit with the command's status")
	f.StringSliceVar(&o.only, "only", nil, `start these parts only: "postgres", "keycloak", "opora"`)
	f.StringVar(&o.data, "data", ".opora", "the folder to keep data in")
	f.BoolVar(&o.reset, "reset", false, "empty the data folder and exit")
	f.BoolVar(&o.env, "env", false, "print the environment of the stack that runs on the data folder, for a shell, and exit")
	cmd.MarkFlagsMutuallyExclusive("exec", "reset", "env")
	return cmd
}

// newDevGuardCommand is the process that cleans up when `opora dev` is killed.
func newDevGuardCommand() *cobra.Command {
	return &cobra.Command{
		Use: devstack.GuardCommand, Hidden: true, Args: cobra.ExactArgs(1),
		Run: func(cmd *cobra.Command, args []string) { devstack.Guard(args[0], cmd.InOrStdin()) },
	}
}

func resetDev(cmd *cobra.Command, o devOptions) error {
	if err := devstack.Reset(o.data); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is empty; opora dev starts afresh\n", o.data)
	return nil
}

func envDev(cmd *cobra.Command, o devOptions) error {
	env, err := devstack.ReadEnv(o.data)
	if err != nil {
		return err
	}
	fmt.Fprint(cmd.OutOrStdout(), env)
	return nil
}

// execDev is `opora dev --exec`.
func execDev(cmd *cobra.Command, o devOptions) error {
	o.data = ""
	stack, end, err := startDev(cmd, o)
	if err != nil {
		return err
	}
	defer end()
	ctx, release := devstack.WithParent(context.Background())
	defer release()
	code, err := stack.Exec(ctx, o.command, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	stack.Stop()
	if err != nil {
		return err
	}
	if code != 0 {
		return exitError{code}
	}
	return nil
}

// runDev is `opora dev` itself: it runs until it is told to stop.
func runDev(cmd *cobra.Command, o devOptions) error {
	stack, end, err := startDev(cmd, o)
	if err != nil {
		return err
	}
	defer end()
	defer stack.Stop()
	ctx, stop := stopSignals(context.Background())
	defer stop()
	ctx, release := devstack.WithParent(ctx)
	defer release()
	stack.Describe(cmd.OutOrStdout())
	select {
	case err := <-stack.Failed():
		return err
	case <-ctx.Done():
		fmt.Fprintln(cmd.ErrOrStderr(), "opora: stopping")
		return nil
	}
}

// startDev starts the stack that the flags describe. While it starts, a signal
// or the death of our parent ends it; end is called when all is over.
func startDev(cmd *cobra.Command, o devOptions) (*devstack.Stack, func(), error) {
	spec, err := devSpec(cmd, o)
	if err != nil {
		return nil, nil, err
	}
	// From here to the end a signal is ours to handle: none may end us half-way.
	ctx, end := stopSignals(context.Background())
	ctx, release := devstack.WithParent(ctx)
	defer release()
	stack, err := devstack.Start(ctx, spec)
	if err == nil {
		return stack, end, nil
	}
	end()
	var stopped stoppedError
	if errors.As(context.Cause(ctx), &stopped) {
		return nil, nil, exitError{128 + int(stopped.signal)}
	}
	return nil, nil, err
}

// devSpec turns flags into what devstack is asked for.
func devSpec(cmd *cobra.Command, o devOptions) (devstack.Spec, error) {
	self, err := os.Executable()
	if err != nil {
		return devstack.Spec{}, err
	}
	spec := devstack.Spec{Only: o.only, Data: o.data, Self: self, Progress: devstack.NewProgress(cmd.ErrOrStderr())}
	parts := []string{devstack.PartPostgres, devstack.PartKeycloak, devstack.PartOpora}
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			return spec, fmt.Errorf("--only knows %s, not %q", strings.Join(parts, ", "), part)
		}
	}
	files, err := fs.Sub(templates.FS, "demo/catalogue")
	if err != nil {
		return spec, err
	}
	known, problems := catalogue.Load(files, catalogue.Options{})
	if !catalogue.OK(problems) {
		return spec, fmt.Errorf("the sample catalogue is broken: %w", problems[0])
	}
	spec.Sample.Catalogue = files
	if o.data != "" {
		if spec.Sample.Rosters, err = sampleRosters(known); err != nil {
			return spec, err
		}
	}
	spec.Contours, err = sampleContours(known, o.countries)
	return spec, err
}

// sampleContours looks the countries up in the sample catalogue.
func sampleContours(known tenancy.Catalogue, countries []string) (contours []devstack.ContourSpec, err error) {
	for _, code := range countries {
		code = strings.ToUpper(strings.TrimSpace(code))
		i := slices.IndexFunc(known.Countries, func(c tenancy.Country) bool { return string(c.Code) == code })
		switch {
		case i < 0:
			return nil, tenancy.E(tenancy.Invalid, "country_unknown", fmt.Sprintf("the sample catalogue has no country %q", code))
		case slices.ContainsFunc(contours, func(c devstack.ContourSpec) bool { return c.Country == code }):
			return nil, tenancy.E(tenancy.Invalid, "country_twice", "--countries names "+code+" twice")
		}
		contours = append(contours, devstack.ContourSpec{Country: code, Realm: known.Countries[i].Realm})
	}
	if len(contours) == 0 {
		return nil, tenancy.E(tenancy.Invalid, "country_unknown", "--countries names no country")
	}
	return contours, nil
}

// sampleRosters returns the sample employee lists: a file is named for its
// tenant and country, cdek-ru.xlsx.
func sampleRosters(known tenancy.Catalogue) (rosters []devstack.SampleRoster, err error) {
	files, err := fs.Glob(templates.FS, "demo/rosters/*-??.*")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := templates.FS.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := path.Base(file)
		stem := strings.TrimSuffix(name, path.Ext(name))
		dash := strings.LastIndexByte(stem, '-')
		tenant := stem[:dash]
		rosters = append(rosters, devstack.SampleRoster{
			Tenant: tenant, Country: strings.ToUpper(stem[dash+1:]), Name: name, Content: content,
			ByCompany: slices.ContainsFunc(known.Tenants, func(t tenancy.Tenant) bool { return string(t.Slug) == tenant && len(t.SSO) > 0 }),
		})
	}
	return rosters, nil
}

// stoppedError is the cause of a context that a signal ended.
type stoppedError struct{ signal syscall.Signal }

func (e stoppedError) Error() string { return e.signal.String() }

// stopSignals returns a context that the signals that ask a program to end,
// end. Until stop is called, further ones change nothing: stopping is under
// way and bounded.
func stopSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for {
			select {
			case sig := <-signals:
				cancel(stoppedError{sig.(syscall.Signal)})
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
