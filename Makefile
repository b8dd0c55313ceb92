# `make help` lists what there is. Everything runs on a fresh Debian machine
# with Go and a shell; what else is missing is installed where that is allowed
# (scripts/tools), else a sentence says what to install.

GOLANGCI_LINT_VERSION := v2.15.0
LINT := bin/tools/golangci-lint-$(GOLANGCI_LINT_VERSION)

# The binary is static; a work tree that git does not trust must not stop it.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
DEV := bin/opora dev

.DEFAULT_GOAL := help
.PHONY: help demo build test test-all fuzz bench lint fmt clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: bin/opora ## the whole stack with sample data on this machine, until Ctrl-C (ARGS="--countries RU,KZ")
	@exec $(DEV) $(ARGS)

build: bin/opora ## build bin/opora

bin/opora: FORCE
	@CGO_ENABLED=0 go build -o $@ ./cmd/opora

test: bin/opora ## all tests but the long ones, from the tables to the browser, on one fresh stack (PKG=./api/...)
	@scripts/tools gcc chromium
	$(DEV) --exec 'go test -race -tags e2e -timeout 14m $(or $(PKG),./...)'

test-all: bin/opora ## all tests, the long ones too, uncached
	@scripts/tools gcc chromium
	$(DEV) --exec 'OPORA_TEST_LONG=1 go test -race -count=1 -tags e2e -timeout 60m $(or $(PKG),./...)'

fuzz: ## every fuzz target for a while (FUZZTIME=10s)
	@scripts/fuzz $(or $(FUZZTIME),10s)

bench: bin/opora bin/tools/openfga ## ratios: imports against a plain loop, checks against a bare handler and others
	$(DEV) --exec 'go run ./bench $(ARGS)'

# The server that checks are measured beside: a module of its own, so that the
# product's go.mod does not hold what it needs. Built once, in some minutes.
bin/tools/openfga: bench/openfga/go.mod bench/openfga/go.sum
	@mkdir -p bin/tools
	nice -n 10 go -C bench/openfga build -o $(CURDIR)/$@ github.com/openfga/openfga/cmd/openfga

lint: $(LINT) ## formatting, vet, static checks, the arrows between packages, shell and container files
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "these files are not formatted: run make fmt"; exit 1; }
	$(LINT) run ./...
	@scripts/check-files

$(LINT):
	@mkdir -p bin/tools
	GOBIN=$(CURDIR)/bin/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv bin/tools/golangci-lint $@

fmt: ## format the Go files
	gofmt -w .

clean: ## remove what was built here (the cache stays)
	rm -rf bin
