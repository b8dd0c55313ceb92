package devstack

import "context"

// parts finds and fetches the programs a stack is made of.
type parts struct {
	cache    string
	as       *account
	procs    *processes
	progress *Progress
	measured bool // something is measured on the stack: Keycloak's speed comes before its start

	java     string
	postgres postgresInstall
	keycloak keycloakInstall
}

// gather finds, fetches and builds what a stack needs.
func (p *parts) gather(ctx context.Context, withKeycloak bool) (err error) {
	if p.postgres, err = p.findPostgres(ctx); err != nil || !withKeycloak {
		return err
	}
	if p.java, err = p.findJava(ctx); err != nil {
		return err
	}
	p.keycloak, err = p.findKeycloak(ctx)
	return err
}

// waiting returns a function that says what is waited for.
func (p *parts) waiting(what string) func() {
	return func() { p.progress.Say("opora: waiting for %s", what) }
}
