# SPDX-License-Identifier: MIT
#
# Short names for the common commands; the build itself is CMake's (CMakeLists.txt, CMakePresets.json).

PREFIX ?= /usr/local
SECONDS ?= 60
BENCH ?= tcp-cps tcp-requests tcp-throughput tcp-latency tcp-memory
JOBS := $(shell getconf _NPROCESSORS_ONLN)

all: configure
	cmake --build build --parallel $(JOBS)

configure:
	cmake -S . -B build -DCMAKE_BUILD_TYPE=Release

demo:
	./demo

test:
	./test

# Over the kernel's network, beside its TCP or its programs; the others are `weir bench`'s.
BENCH_NETWORK := accel flow goodput http server sockets redis

bench: all
	@$(if $(filter $(BENCH_NETWORK),$(BENCH)),bench/$(BENCH),bench/run $(BENCH))

install: all
	cmake --install build --prefix $(PREFIX)

format:
	find src include tests -name '*.[ch]' -exec clang-format-14 -i {} +

lint:
	scripts/lint

fuzz:
	./test fuzz --fuzz-seconds $(SECONDS)

torture:
	cmake --preset asan
	cmake --build build-asan --parallel $(JOBS)
	tests/torture/run --build build-asan --jobs $(JOBS) $(if $(RUNS),--runs $(RUNS) --test-runs $(RUNS))

# WEIR_RFCS=DIR compares the tables with DIR/rfcN.txt too.
conformance: configure
	+WEIR_RFCS="$(WEIR_RFCS)" cmake --build build --parallel $(JOBS) --target conformance

clean:
	rm -rf build build-*/

help:
	@echo "make all | demo | test | install [PREFIX=$(PREFIX)] | bench [BENCH=tcp-cps|accel|flow|goodput|http|server|sockets|redis]"
	@echo "     format | lint | fuzz [SECONDS=$(SECONDS)] | torture [RUNS=10] | conformance [WEIR_RFCS=DIR] | clean"

.PHONY: all configure demo test bench install format lint fuzz torture conformance clean help
