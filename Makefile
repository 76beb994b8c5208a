# The commands of the README and of CI. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run doctor test check audit bench fmt clean-data

PROGRAMS := -p crm-api -p bot -p sandbox -p launcher

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and start everything; without a Telegram token the sandbox plays the outside world
	cargo build --locked --bins $(PROGRAMS)
	@exec target/debug/voronka run

doctor: ## check the configuration and the books, and say how to mend what is wrong
	@cargo build --locked --quiet --bins $(PROGRAMS)
	@exec target/debug/voronka doctor

test: ## install what the tests need, run all of them, print the totals
	@scripts/test.sh

check: ## the quick look before a commit: format, lints, unit tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	scripts/with-postgres.sh cargo test --locked --workspace --lib --bins

audit: ## licences, sources, banned crates and known advisories of the dependencies
	@scripts/audit.sh

bench: ## measure crm-api and bot as released, each figure beside the limit of this machine
	cargo build --locked --profile bench --bins -p bench -p sandbox
	cargo build --locked --release --bins -p crm-api -p bot
	scripts/with-postgres.sh --durable target/release/bench $(BENCH)

fmt: ## format the code
	cargo fmt --all

clean-data: ## forget the local database, files and generated secrets in data/
	rm -rf data
