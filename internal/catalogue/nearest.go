package catalogue

import (
	"fmt"
	"strings"
)

// nearest returns the word closest to the given one and its edit distance
// (Damerau–Levenshtein, over letters, without case).
func nearest(word string, among []string) (best string, distance int) {
	distance = len(word) + 100
	for _, candidate := range among {
		if d := editDistance([]rune(strings.ToLower(word)), []rune(strings.ToLower(candidate))); d < distance {
			best, distance = candidate, d
		}
	}
	return best, distance
}

// suggestion ends a message about an unknown word: the nearest right one when
// it is near enough to be what was meant (one letter in three), else all of them.
func suggestion(word string, among []string) string {
	if best, distance := nearest(word, among); distance <= max(1, len([]rune(word))/3) {
		return fmt.Sprintf("did you mean %q?", best)
	}
	switch len(among) {
	case 0:
		return "there is none"
	case 1:
		return fmt.Sprintf("there is only %q", among[0])
	}
	return "there are " + words(among)
}

// words lists words for a sentence.
func words[T ~string](all []T) string { return strings.Join(texts(all), ", ") }

func texts[T ~string](all []T) []string {
	plain := make([]string, len(all))
	for i, word := range all {
		plain[i] = string(word)
	}
	return plain
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a. Words longer than 64 letters are only equal or far.
func editDistance(a, b []rune) int {
	if string(a) == string(b) {
		return 0
	}
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		table[i][0] = i
	}
	for j := range table[0] {
		table[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			best := min(table[i-1][j]+1, table[i][j-1]+1, table[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				best = min(best, table[i-2][j-2]+1)
			}
			table[i][j] = best
		}
	}
	return table[len(a)][len(b)]
}
