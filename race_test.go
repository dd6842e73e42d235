//go:build race

package main

// raced says that the race detector makes processes several times as large.
const raced = true
