# Every task of the project; `make help` lists them. Personal settings go into Makefile.local.
-include Makefile.local

# A compiler of Beast's templates takes up to 1.5 GB: as many at once as cores and memory allow.
MEMORY_JOBS := $(shell awk '/MemAvailable/ {print int($$2 / 1500000) + 1}' /proc/meminfo)
CORES := $(shell nproc)
JOBS ?= $(shell echo $$(($(CORES) < $(MEMORY_JOBS) ? $(CORES) : $(MEMORY_JOBS))))
TEST_JOBS ?= 1
CLANG_FORMAT ?= clang-format-19

# One cache for all build folders, and for other checkouts of the same tree.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CCACHE_MAXSIZE ?= 8G
export PYTHONDONTWRITEBYTECODE := 1

CXX_FILES = $(shell git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp')
PROGRAMS = gateway echo auth product order payment crowd doorbuster baseline
CTEST = ctest --output-on-failure --parallel $(TEST_JOBS) --no-tests=error

.DEFAULT_GOAL := help
.PHONY: help demo up down status images images-save deploy undeploy preflight load bench profile \
    evidence test asan manifests cluster-test check build programs configure fmt install clean

##@ See it
demo: programs ## two flash sales, the second through a Redis failover; then the audit (a minute)
	@tools/demo.py

up: programs ## the same shop, left running; prints its address and the ways in
	@tools/local_shop.py up

down: ## stop the running shop; its data is kept
	@tools/local_shop.py down

status: ## what runs, and the ways in
	@tools/local_shop.py status

##@ Run it on Kubernetes
images: ## build the images with docker, podman or buildah
	@tools/images.py build

images-save: images ## all images in one archive, for k3s without a registry
	@tools/images.py save build/images/doorbuster.tar

deploy: ## onto the cluster that kubectl reaches; a second run changes nothing
	@tools/deploy.py deploy

undeploy: ## off the cluster; its data and secrets stay (tools/deploy.py undeploy --help)
	@tools/deploy.py undeploy

preflight: ## would the shop on the cluster survive a sale now?
	@tools/deploy.py preflight

##@ Measure it
load: programs ## k6: 1,000 customers storm a sale, and its ceiling; CLUSTER=1: the deployed shop
	@tools/load.py $(if $(CLUSTER),--cluster) $(if $(BASE_URL),--base-url $(BASE_URL))

bench: programs ## rounds against a lock per request, the bare function and nginx (12 min)
	@./install-dependencies.sh --bench
	@tools/bench.py

profile: programs ## where the microseconds of a purchase go: docs/profile (needs linux-perf)
	@tools/purchase_profile.py

evidence: ## write the README's evidence section from the reports that git knows
	@tools/evidence.py

##@ Check it
test: build ## build, then all tests: units, style, black box; with FULL=1 also at scale
	$(CTEST) --test-dir build/release $(if $(FULL),--build-config Full)

asan: install ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@cmake --preset asan >build/asan.configure.log 2>&1 || { cat build/asan.configure.log; exit 1; }
	ninja -C build/asan -j$(JOBS)
	$(CTEST) --test-dir build/asan --label-regex unit

manifests: install ## render all manifests and grade them, as `make test` does too
	@tools/check_manifests.py || [ $$? -eq 77 ] # a grader that can't be had here

cluster-test: programs $(if $(IMAGE_TAG),,images) ## deploy, sell, break every part; FULL=1 repeatedly
	@tests/cluster/run

check: build ## formatting and the style rules, without running the shop
	$(CLANG_FORMAT) --dry-run --Werror $(CXX_FILES)
	$(CTEST) --test-dir build/release --label-regex style

##@ Work on it
build: configure ## install what is missing, build programs and tests in build/release
	ninja -C build/release -j$(JOBS)

programs: configure
	@echo "Building: $(PROGRAMS)"
	@ninja -C build/release -j$(JOBS) $(PROGRAMS)

configure: install
	@cmake --preset release >build/release.configure.log 2>&1 || \
	    { cat build/release.configure.log; exit 1; }

fmt: ## format all C++ (clang-format 19)
	$(CLANG_FORMAT) -i $(CXX_FILES)

install: ## install the Debian packages that are missing
	@mkdir -p build
	@./install-dependencies.sh

clean: ## forget what was built
	rm -rf build

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} \
	    /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	    /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@printf '\nJOBS=%s compilers and TEST_JOBS=%s tests at once.\n' $(JOBS) $(TEST_JOBS)
