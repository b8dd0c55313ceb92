// Package entitlement decides what an employee may use: contract, grants,
// segments, overrides and status become one answer. It is pure: no context, no
// I/O, no clock of its own; the appointment's time is the clock. The server,
// the Go client and `opora entitlement decide` run this same code.
//
// A tenant's part of the catalogue is compiled once (Compile), an employee
// once per change (Terms.Subject); Decide then only compares.
// The rules are those of docs/design.md ("Grants and decisions").
package entitlement
