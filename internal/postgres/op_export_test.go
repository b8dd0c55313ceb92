package postgres

// ClaimStatement is for a test of its plan.
var ClaimStatement = claimStatement
