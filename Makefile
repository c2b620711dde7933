# SPDX-License-Identifier: Apache-2.0
#
# `make` or `make help` lists what there is. Everything that is built lands in bin/, which can be deleted at any time.
# Tools and programs are built once and again only when their go.mod or sources change.

SHELL := /usr/bin/env bash -euo pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

export PATH := $(CURDIR)/bin:$(CURDIR)/bin/controlplane:$(PATH)

# TEST_FLAGS and TEST narrow a run: make test TEST=./internal/policy/... TEST_FLAGS='-run R8 -v'
TEST       ?= ./...
TEST_FLAGS ?=
# Two packages at a time: each of them may have a control plane of its own. No result from a cache: Go does not see what
# kubectl, helm and browsers read.
GO_TEST    := go test -count=1 -p 2 -timeout 30m
# How many random cases every property of policies and decisions sees under `make test` and `make property-test`.
CASES      ?= 100000
# How long every fuzz target runs under `make fuzz`.
FUZZTIME   ?= 60s
# The name of the image that `make images` builds.
IMAGE      ?= ghcr.io/reelkeeper/reelkeeper:dev
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)

##@ General

.PHONY: help
help: ## List these targets.
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9_-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Only a KUBECONFIG given to make counts: the demo must not end up in the cluster that a shell happens to point at.
DEMO_FLAGS = $(if $(ONCE),--once) $(if $(VIDEO),--video '$(abspath $(VIDEO))') \
  $(if $(filter command line,$(origin KUBECONFIG)),--cluster '$(abspath $(KUBECONFIG))')

.PHONY: demo
demo: DEPS := ffmpeg ffprobe espeak-ng
demo: deps build controlplane s3server oidc ## Run everything on this machine and walk the story. ONCE=1 exits after it; VIDEO=file; KUBECONFIG=file.
	go build -o bin/demo ./hack/demo
	bin/demo $(DEMO_FLAGS)

.PHONY: clean
clean: ## Delete everything that was built.
	rm -rf bin web/node_modules hack/oidc/node_modules test/browser/node_modules
	git clean -fdXq web/dist

##@ Generated files

.PHONY: generate
generate: bin/controller-gen ## Generate the code of the API package: deep copies and apply configurations.
	controller-gen object:headerFile=hack/boilerplate.go.txt applyconfiguration:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: bin/controller-gen ## Generate the CRDs, and the chart's templates from config/.
	controller-gen crd paths=./api/... output:crd:dir=config/crd
	go run ./hack/chart

##@ Checks

.PHONY: test
test: deps build controlplane s3server oidc browser bin/helm ## Run all tests: units, API server, object store, chart, browser; and the properties and the demo unless narrowed.
	$(GO_TEST) $(TEST_FLAGS) $(TEST)
	$(if $(TEST_FLAGS)$(filter-out ./...,$(TEST)),,hack/property-test.sh $(CASES))
	$(if $(TEST_FLAGS)$(filter-out ./...,$(TEST)),,$(MAKE) demo ONCE=1)

.PHONY: property-test
property-test: ## Run the properties of policies and decisions alone, with CASES (100000) random cases each.
	hack/property-test.sh $(CASES)

.PHONY: fault-test
fault-test: deps controlplane s3server ## Let the process die, answers get lost and S3 fail at every point of a recording's life, in 1200 plans (FAULT_PLANS). FAULT_SEED=n or FAULT_PLAN=name replays one.
	go test -count=1 -v -timeout 30m ./test/fault ./internal/effect ./internal/objectstore/s3fault

.PHONY: browser-test
browser-test: deps web controlplane s3server oidc browser ## Test every page in Chromium, with a real OpenID provider. Screenshots are in test/browser/screenshots.
	go test -count=1 -v -timeout 30m ./test/browser

.PHONY: bench
bench: DEPS := ffmpeg ffprobe nginx
bench: deps web controlplane s3server oidc ## Run the benchmarks: delivery beside nginx, and decisions beside Cedar and OPA, among them.
	go test -run '^$$' -bench . -benchmem -timeout 60m $$(hack/packages-with.sh Benchmark)
	cd hack/bench && go run .

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s).
	hack/fuzz.sh $(FUZZTIME)

.PHONY: lint
lint: bin/golangci-lint ## Run the linters, kube-api-linter on api/ among them.
	golangci-lint run ./...

.PHONY: verify
verify: bin/controller-gen bin/golangci-lint ## Check that generated files are fresh and that format, headers, modules and lint are right.
	hack/verify.sh

##@ Programs

.PHONY: build
build: web plugin ## Build bin/reelkeeper, bin/devnode and the plugin, with the flags of `go test`, so that they share a cache; the image has its own.
	go build -ldflags '$(LDFLAGS)' -o bin/reelkeeper ./cmd/reelkeeper
	go build -ldflags '$(LDFLAGS)' -o bin/devnode ./hack/devnode

.PHONY: plugin
plugin: ## Build the kubectl plugin, bin/kubectl-reelkeeper.
	go build -ldflags '$(LDFLAGS)' -o bin/kubectl-reelkeeper ./cmd/kubectl-reelkeeper

.PHONY: plugin-archives
plugin-archives: ## Build the plugin for all platforms and its krew manifest into dist/, for the release VERSION.
	hack/plugin-archives.sh $(VERSION)

.PHONY: controlplane
controlplane: ## Build etcd, kube-apiserver, kube-controller-manager and kubectl; five minutes the first time.
	hack/controlplane/build.sh

.PHONY: s3server
s3server: ## Build the S3 server for demo and tests.
	hack/s3server/build.sh

.PHONY: web
web: bin/.web.stamp ## Build the player and the pages.

.PHONY: oidc
oidc: hack/oidc/node_modules/.package-lock.json ## Install the OpenID provider for demo and tests.

.PHONY: browser
browser: test/browser/node_modules/.package-lock.json ## Install what the browser test drives chromium with.

.PHONY: images
images: ## Build the container image IMAGE with docker.
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: deps
deps: ## Install ffmpeg, espeak-ng and chromium where apt-get can, else say what is missing.
	@hack/deps.sh $(DEPS)

##@ Tools

.PHONY: tools
tools: bin/controller-gen bin/golangci-lint bin/helm ## Build the pinned tools.

bin/controller-gen: hack/tools/gen/go.mod hack/tools/gen/go.sum
	cd hack/tools/gen && CGO_ENABLED=0 go build -trimpath -o ../../../$@ sigs.k8s.io/controller-tools/cmd/controller-gen

bin/golangci-lint: hack/tools/lint/go.mod hack/tools/lint/go.sum hack/tools/lint/main.go
	cd hack/tools/lint && CGO_ENABLED=0 go build -trimpath -o ../../../$@ .

bin/helm: hack/tools/helm/go.mod hack/tools/helm/go.sum
	cd hack/tools/helm && CGO_ENABLED=0 go build -trimpath -o ../../../$@ helm.sh/helm/v4/cmd/helm

# npm leaves node_modules/.package-lock.json behind; it is the stamp of an installation.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci
	touch $@

bin/.web.stamp: web/node_modules/.package-lock.json $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*')
	cd web && npm run build
	mkdir -p bin && touch $@
