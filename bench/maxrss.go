//go:build !darwin

package main

// maxrssUnit is the bytes of one unit of Rusage.Maxrss.
const maxrssUnit = 1024
