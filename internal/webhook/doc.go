// Package webhook sends signed hints that the feed of changes has news, by the
// rules of Standard Webhooks (https://www.standardwebhooks.com): what is sent,
// how it is signed, which addresses may be called at all, and what an answer
// means. A hint holds no personal data: whoever gets it reads the feed.
package webhook
