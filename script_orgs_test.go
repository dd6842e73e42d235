package main

import (
	"os"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/source/salesforce/fakeorg"
)

var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}

// orgMap finds the org of a script; scripts run at once.
type orgMap struct {
	mu sync.Mutex
	of map[string]*fakeorg.Org // by the script's name
}

func (m *orgMap) put(ts *testscript.TestScript, org *fakeorg.Org) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[string]*fakeorg.Org{}
	}
	m.of[ts.Name()] = org
}

func (m *orgMap) get(ts *testscript.TestScript) *fakeorg.Org {
	m.mu.Lock()
	defer m.mu.Unlock()
	org := m.of[ts.Name()]
	if org == nil {
		ts.Fatalf("start an org first: fakeorg")
	}
	return org
}
