//go:build !race

package fakeorg

// raced says that the race detector is at work.
const raced = false
