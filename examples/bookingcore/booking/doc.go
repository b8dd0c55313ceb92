// Package booking books appointments and counts them. Opora says what an
// employee may use; this package owns who used it, and makes sure that nobody
// uses more, whatever happens at the same time.
//
// # How a booking is decided
//
// In one transaction: the employee's account is locked; Opora's client is asked
// which grants cover the wish, and in which windows; our own appointments in
// those windows are counted; the client is asked again with the counts, and
// says which grant to consume. When that is a pool, the pool's account is
// locked as well and all is weighed anew. Then the grant's counter goes up by
// a guarded statement and the appointment is written. Accounts are locked in
// the order of their keys, employees before pools.
//
// # What is counted
//
// Everything but cancelled appointments: booked ones before they happen,
// completed ones, and those that nobody came to; a cancellation too late as
// well. An appointment counts in the window in which it begins.
package booking
