// Package clienttest has an Opora in memory, for tests of programs that use
// package client: no Keycloak, no PostgreSQL, nobody's data.
//
//	opora := clienttest.NewServer([]client.SpecialistTypeCode{"psychologist"}, clienttest.Tenant{…})
//	defer opora.Close()
//	opora.Put(clienttest.Employee{ID: …, Tenant: "cdek", Employments: …})
//	c, err := client.New(opora.Config())
//
// It speaks the wire format of the real one and decides by the same code. What
// is changed in it reaches the clients as a change in Opora would.
package clienttest
