package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
)

// exampleOpora is an Opora in memory: one tenant, one employee. A real program
// has the address of a real one.
func exampleOpora() *clienttest.Server {
	opora := clienttest.NewServer([]client.SpecialistTypeCode{"psychologist", "lawyer"}, clienttest.Tenant{
		Slug: "cdek",
		Contracts: []clienttest.Contract{{
			ID: "cdek-ru-2026", Country: "RU", TimeZone: "Europe/Moscow", From: clienttest.Date{Year: 2026, Month: 1, Day: 1}, Until: clienttest.Date{Year: 2027, Month: 1, Day: 1},
			Grants: []clienttest.Grant{{ID: "talk", SpecialistTypes: []client.SpecialistTypeCode{"psychologist"}, Amount: 6, Per: client.PerEmployee, Window: "calendar_year"}},
		}},
	})
	opora.Put(clienttest.Employee{ID: "5e1f0c9a-0000-4000-8000-000000000001", Tenant: "cdek", Employments: []clienttest.Employment{{EmployeeNo: "17"}}})
	return opora
}

// A booking core asks whether an employee may book, and counts the appointment
// against the grant that the answer names.
func Example() {
	opora := exampleOpora()
	defer opora.Close()

	c, err := client.New(opora.Config()) // URL, TokenURL, ClientID, ClientSecret
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}

	booked := map[client.GrantID]int{"talk": 5} // the booking core's own count in the grant's window
	a, err := c.Check(client.Query{
		EmployeeID:     "5e1f0c9a-0000-4000-8000-000000000001",
		SpecialistType: "psychologist",
		At:             time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC),
		Used:           client.UsedByGrant(booked),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Allowed, a.Reason, a.Consume, a.Remaining)
	fmt.Println("counted from", a.Window.From.Format(time.DateOnly), "until", a.Window.Until.Format(time.DateOnly))
	// Output:
	// true ok talk 1
	// counted from 2026-01-01 until 2027-01-01
}

// Who asks often keeps the answer, and nothing is allocated.
func ExampleClient_CheckInto() {
	opora := exampleOpora()
	defer opora.Close()
	c, _ := client.New(opora.Config())
	defer c.Close()
	_ = c.Ready(context.Background())

	q := client.Query{EmployeeID: "5e1f0c9a-0000-4000-8000-000000000001", At: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}
	var a client.Answer
	for _, q.SpecialistType = range []client.SpecialistTypeCode{"psychologist", "lawyer"} {
		if err := c.CheckInto(&q, &a); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(q.SpecialistType, a.Allowed, a.Reason)
	}
	// Output:
	// psychologist true ok
	// lawyer false type_not_covered
}

// An outage: answers go on, marked stale, until Config.Outage is over.
func ExampleConfig_outage() {
	opora := exampleOpora()
	defer opora.Close()
	config := opora.Config()
	config.MaxStale = 500 * time.Millisecond // from here on an answer is stale
	config.Outage = time.Second              // from here on there is none; the default is half an hour
	config.AfterOutage = client.FailClosed
	c, _ := client.New(config)
	defer c.Close()
	_ = c.Ready(context.Background())

	opora.SetAway(true)
	q := client.Query{EmployeeID: "5e1f0c9a-0000-4000-8000-000000000001", SpecialistType: "psychologist", At: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}
	seen := map[string]bool{}
	for {
		a, err := c.Check(q)
		said := fmt.Sprint("allowed ", a.Allowed, ", ", a.Reason, ", stale ", a.Stale)
		if !seen[said] {
			fmt.Println(said)
		}
		seen[said] = true
		if errors.Is(err, client.ErrUnavailable) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	// Output:
	// allowed true, ok, stale false
	// allowed true, ok, stale true
	// allowed false, unavailable, stale true
}
