package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/devstack"
)

// devOptions are the flags of `opora dev`.
type devOptions struct {
	countries []string
	command   string
	only      []string
	data      string
	reset     bool
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
	cmd.MarkFlagsMutuallyExclusive("exec", "reset")
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
	for _, country := range o.countries {
		country = strings.ToUpper(strings.TrimSpace(country))
		realm, ok := sampleRealms[country]
		if !ok {
			return spec, fmt.Errorf("the sample catalogue has no country %q", country)
		}
		spec.Contours = append(spec.Contours, devstack.ContourSpec{Country: country, Realm: realm})
	}
	if len(spec.Contours) == 0 {
		return spec, errors.New("--countries names no country")
	}
	return spec, nil
}

// sampleRealms are the realms of the sample catalogue's countries.
var sampleRealms = map[string]string{"RU": "ponimayu", "KZ": "empatia"}

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
