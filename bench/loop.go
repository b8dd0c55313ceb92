package main

import (
	"context"
	"fmt"
	"time"

	"github.com/Nerzal/gocloak/v13"
)

// gocloakLoop is the rival: what a newcomer writes, one employee after the
// other by CreateUser, AddUserToGroup and AddRealmRoleToUser. It returns
// employees per second.
func gocloakLoop(ctx context.Context, s stack, group string, n int) (float64, error) {
	client := gocloak.NewClient(s.KeycloakURL)
	token, err := client.LoginClient(ctx, s.AdminID, s.AdminSecret, "master")
	if err != nil {
		return 0, fmt.Errorf("log in: %w", err)
	}
	role, err := client.GetRealmRole(ctx, token.AccessToken, s.Realm, "employee")
	if err != nil {
		return 0, fmt.Errorf("role employee: %w", err)
	}
	into, err := client.GetGroupByPath(ctx, token.AccessToken, s.Realm, group)
	if err != nil {
		return 0, fmt.Errorf("group %s: %w", group, err)
	}
	began, renewed := time.Now(), time.Now()
	for i := range n {
		if time.Since(renewed) > 30*time.Second { // a token of the master realm lives a minute
			if token, err = client.LoginClient(ctx, s.AdminID, s.AdminSecret, "master"); err != nil {
				return 0, fmt.Errorf("log in again: %w", err)
			}
			renewed = time.Now()
		}
		id, err := client.CreateUser(ctx, token.AccessToken, s.Realm, gocloak.User{
			Username:  gocloak.StringP(fmt.Sprintf("loop-%d-%06d", began.UnixNano(), i)),
			FirstName: gocloak.StringP("Имя"),
			LastName:  gocloak.StringP("Фамилия"),
			Enabled:   gocloak.BoolP(true),
		})
		if err != nil {
			return 0, fmt.Errorf("employee %d: %w", i, err)
		}
		if err := client.AddUserToGroup(ctx, token.AccessToken, s.Realm, id, *into.ID); err != nil {
			return 0, fmt.Errorf("group of employee %d: %w", i, err)
		}
		if err := client.AddRealmRoleToUser(ctx, token.AccessToken, s.Realm, id, []gocloak.Role{*role}); err != nil {
			return 0, fmt.Errorf("role of employee %d: %w", i, err)
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
