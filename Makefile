# The few commands a developer needs; each does its own set-up. What is longer than a line lives in scripts/.

.DEFAULT_GOAL := help
.PHONY: help demo stop clean-images test lint bench conformance

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build mizan, deploy the example app on this machine, print its URL
	@scripts/demo.sh start

stop: ## take the demo away, and the Docker engine if `make demo` started it
	@scripts/demo.sh stop

clean-images: ## take away the stand-ins for base images (pulled images stay)
	@scripts/base-images.sh remove

test: ## everything that must hold (scripts/test.sh --list names the steps)
	@scripts/test.sh

lint: ## only the formatters, linters and type checkers
	@scripts/test.sh lint

bench: ## measure the speeds that the README states: mizan, Edge and Render, and deploys against those of other tools
	@scripts/bench.sh
	@scripts/bench-edge.sh
	@scripts/bench-aws.sh
	@scripts/bench-azure.sh
	@scripts/bench-cloudflare.sh

conformance: ## the whole matrix: a fault at every step of every target and at every call to AWS
	@scripts/test.sh conformance
