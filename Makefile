# "make" alone lists the targets.

LINT_VERSION := v2.11.4
VULN_VERSION := v1.9.0
# A number of inputs: by the clock, Go 1.26 may end a run that found nothing with
# "context deadline exceeded" (golang/go#75804).
FUZZTIME     ?= 4000x
BENCH        ?= .
TESTFLAGS    ?=
ARCHES       ?= amd64 arm64

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
LINT    := bin/golangci-lint-$(LINT_VERSION)
VULN    := bin/govulncheck-$(VULN_VERSION)

# DuckDB is linked through cgo, and its Arrow interface is behind a build tag.
export CGO_ENABLED := 1
export GOFLAGS     := $(strip $(GOFLAGS) -tags=duckdb_arrow)

.DEFAULT_GOAL := help
.PHONY: help build dist demo test vet lint vulns race fuzz bench test-clients golden clean toolchain postgres

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: toolchain ## build bin/sluice
	go build -ldflags "$(LDFLAGS)" -o bin/sluice .

# The C++ library is linked in. glibc is not: names are looked up as the machine
# is set up to, and the program runs where glibc is as new as here or newer.
dist: build ## build archives for Linux into dist/; ARCHES=amd64 leaves arm64 out, which needs g++-aarch64-linux-gnu
	@rm -rf dist && mkdir -p dist
	@for arch in $(ARCHES); do \
		triple=$$(case $$arch in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac)-linux-gnu; \
		cc=$$triple-gcc; if [ "$$(uname -s)/$$(go env GOHOSTARCH)" = "Linux/$$arch" ]; then cc=$$(go env CC); fi; \
		cxx=$$triple-g++; if [ "$$cc" = "$$(go env CC)" ]; then cxx=$$(go env CXX); fi; \
		command -v "$$cxx" >/dev/null || { echo "$$cxx is not installed: apt-get install g++-$$(echo $$triple | tr _ -), or leave $$arch out of ARCHES" >&2; exit 1; }; \
		name=sluice-$(VERSION)-linux-$$arch; mkdir -p "dist/$$name/lib"; \
		ln -s "$$($$cc -print-file-name=libstdc++.a)" "dist/$$name/lib/"; \
		GOOS=linux GOARCH=$$arch CC=$$cc CXX=$$cxx go build -trimpath -ldflags "$(LDFLAGS) -linkmode external -extldflags '-static-libgcc -L$(CURDIR)/dist/$$name/lib'" -o "dist/$$name/sluice" . || exit 1; \
		rm -r "dist/$$name/lib"; \
		bin/sluice man > "dist/$$name/sluice.1"; \
		for shell in bash zsh fish; do bin/sluice completion $$shell > "dist/$$name/sluice.$$shell"; done; \
		tar -C dist -czf "dist/$$name.tar.gz" "$$name" || exit 1; \
		echo "dist/$$name.tar.gz needs $$(readelf -d "dist/$$name/sluice" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | xargs) with $$(readelf -V "dist/$$name/sluice" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)"; \
	done
	@cd dist && sha256sum *.tar.gz > SHA256SUMS

demo: build ## load a made-up org into demo.duckdb, twice
	bin/sluice demo

test: vet lint vulns race fuzz ## all that CI checks: vet, lint, known vulnerabilities, tests under the race detector, fuzzing

vet: toolchain ## go vet
	go vet ./...

lint: toolchain $(LINT) ## check the style, the format and who imports whom
	$(LINT) run ./...

# The linter has its own dependencies, which stay out of go.mod.
$(LINT):
	GOBIN="$(CURDIR)/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $@

# Without its database, which is on the network, nothing is known either way:
# that is said, and is no failure. Findings, and all other errors, are.
vulns: toolchain $(VULN) ## look for known vulnerabilities in what is called
	@out=$$($(VULN) ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$code $$out" in \
	0\ *) ;; \
	1\ *"fetching vulnerabilities:"*) echo "govulncheck: the database was not reached; nothing was checked" >&2 ;; \
	*) exit 1 ;; \
	esac

$(VULN):
	GOFLAGS= GOBIN="$(CURDIR)/bin" go install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)
	mv bin/govulncheck $@

race: toolchain postgres ## run the tests under the race detector
	go test -race -timeout 25m $(TESTFLAGS) ./...

fuzz: toolchain postgres ## fuzz each parser by FUZZTIME inputs (4000x), or for so long (10m)
	@grep -rEo --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | \
	while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "./$$(dirname "$$file")" || exit 1; \
	done

bench: toolchain postgres build ## measure; BENCH picks by name, SLUICE_BENCH_ROWS=1000000 sets the size of whole runs
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
	go run ./bench bin/sluice

test-clients: toolchain ## drive the fake org with jsforce; needs node and npm
	cd source/salesforce/fakeorg/clients && npm ci --no-fund --no-audit && go test -tags clients .

golden: toolchain postgres ## rewrite the golden files; read the diff
	UPDATE=1 go test ./...

clean: ## remove what was built
	rm -rf bin dist demo.duckdb demo.duckdb.wal

postgres: ## see to it that PostgreSQL is there, for the tests to start servers of their own, and PgBouncer
	@command -v initdb >/dev/null || ls -d /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "the tests need PostgreSQL: apt-get install postgresql" >&2; exit 1; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; }
	@command -v pgbouncer >/dev/null || ls /usr/sbin/pgbouncer >/dev/null 2>&1 || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer; }; } || \
		echo "without PgBouncer the tests of it are skipped: apt-get install pgbouncer" >&2

# A C++ library that is not found is a page of noise from cgo; this is the same in
# a sentence.
toolchain:
	@command -v go >/dev/null || { echo "sluice needs Go 1.26 or later: https://go.dev/dl" >&2; exit 1; }
	@set -- $$(go env CC); command -v "$$1" >/dev/null || { \
		echo "sluice needs a C compiler, as DuckDB is linked in: apt-get install g++, or xcode-select --install" >&2; exit 1; }
	@set -- $$(go env CXX); printf '%s\n' '#include <new>' 'int main() { return 0; }' | "$$@" -x c++ - -o /dev/null 2>/dev/null || { \
		echo "sluice needs a C++ compiler and its library, as DuckDB is linked in: apt-get install g++, or xcode-select --install" >&2; exit 1; }
