# SPDX-License-Identifier: Apache-2.0
# quorumd: the one makefile. `make help` lists the targets.
#
# Objects live in build/<variant>/<path of the source>.o. A file is picked up by its place alone. In every folder
# the files with a main() become programs and the others an archive that tests and sister programs link:
#   src/base src/codec src/core   pure code
#   src/drv                       the drivers
#   src/quorumd src/runner src/api tools/quorumctl witness   a program each
#   src/libquorumd                the client library
#   tests/unit tests/drv tests/bench   a program for each main(); the folder's other files go into all of them
#   tests/sim                     build/sim
#   tests/conform, tools/demo     main.c is build/gcc/conform, build/gcc/demo; another main() build/gcc/<folder>-<file>
#   tests/fuzz/f_*.c              a libFuzzer program each, corpus in tests/fuzz/corpus/<name>
# Variants: gcc and clang (as shipped), plain (gcc, not hardened: valgrind, nm, simulator), fast (plain as fast as gcc
#   makes it: build/sim, for runs of hours; nothing else),
#   asan (gcc, ASan+UBSan), mutants (plain with -DQD_MUTANTS), fuzz (clang, libFuzzer+ASan+UBSan),
#   explore (as mutants, for three nodes at most: build/explore/explore, nothing else).

VERSION := 0.1.0

SHELL := /bin/bash
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := gcc
endif
ifneq (,$(findstring clang,$(CC)))
V ?= clang
GCC := gcc
CLANG := $(CC)
else
V ?= gcc
GCC := $(CC)
CLANG := clang
endif
B := build

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/quorumd
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/quorumd
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=

# As many jobs as there are processors, unless the caller said otherwise.
ifeq ($(MAKELEVEL),0)
ifeq (,$(filter -j% --jobs%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(or $(shell nproc),2)
endif
endif

# ---------------------------------------------------------------- flags

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla \
	-Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Wfloat-equal -Wdate-time -fno-common
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Warith-conversion \
	-Wformat-signedness -Wstringop-overflow=4
# The sanitizers' own code makes gcc's flow-based warnings guess wrong.
WARN_SAN := $(filter-out -Wnull-dereference,$(WARN)) -Wno-maybe-uninitialized -Wno-stringop-overflow
HARD := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero
# clang 14 wants to be told twice.
HARD_CLANG := -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LINK_HARD := -pie -Wl,-z,relro,-z,now,-z,noexecstack

CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
WERROR := $(if $(filter 1 true yes,$(CI)),-Werror)
$(foreach v,gcc clang plain fast mutants fuzz explore,$(eval WERROR_$v := $(WERROR)))

VARIANTS := gcc clang plain fast asan mutants fuzz explore

CC_gcc := $(GCC)
FLAGS_gcc := $(CFLAGS) $(WARN) $(WARN_GCC) $(HARD)
LINK_gcc := $(LINK_HARD)
CC_clang := $(CLANG)
FLAGS_clang := $(CFLAGS) $(WARN) $(HARD) $(HARD_CLANG)
LINK_clang := $(LINK_HARD)
CC_plain := gcc
FLAGS_plain := -O2 -g $(WARN) $(WARN_GCC)
LINK_plain := -pie
CC_fast := gcc
FLAGS_fast := -O3 -flto=auto -g $(WARN) $(WARN_GCC)
LINK_fast := -pie -O3 -flto=auto
CC_asan := gcc
FLAGS_asan := -O1 -g $(WARN_SAN) $(SAN)
LINK_asan := -pie $(SAN)
CC_mutants := gcc
FLAGS_mutants := -O2 -g $(WARN) $(WARN_GCC) -DQD_MUTANTS
LINK_mutants := -pie
# Whole nodes are copied and hashed: arrays by node are as short as can be. Indices that come out of sets are below
# QD_NODES_MAX by what a set is, which gcc cannot know.
CC_explore := gcc
FLAGS_explore := -O2 -g $(WARN) $(WARN_GCC) -Wno-array-bounds -Wno-stringop-overflow -DQD_MUTANTS -DQD_NODES_MAX=3
LINK_explore := -pie
CC_fuzz := $(CLANG)
FLAGS_fuzz := -O1 -g $(WARN) $(SAN) -fsanitize=fuzzer-no-link
LINK_fuzz := -pie $(SAN)

INCLUDES := -Iinclude -Isrc -I. -Itests
# Everything outside the pure folders may use what Linux offers.
DEFS_SHELL := -D_GNU_SOURCE= -DQD_VERSION='"$(VERSION)"' -DQD_SYSCONFDIR='"/etc/quorumd"' \
	-DQD_RUNDIR='"/run/quorumd"' -DQD_LIBEXECDIR='"$(LIBEXECDIR)"'

# pkg-config is asked once, and only when something is about to be compiled: on a bare machine it is
# installed by `deps` first.
PKGS := libiscsi libsodium libsystemd yaml-0.1 jansson libmicrohttpd libcurl
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)

# Libraries by archive; a program gets those of all it links, and keeps what it uses (--as-needed).
LIBS_drv := -liscsi -lsodium -lsystemd
LIBS_quorumd := -lsystemd -lsodium -lyaml
LIBS_runner := -lsystemd
LIBS_api := -lmicrohttpd -ljansson -lsystemd
LIBS_libquorumd := -ljansson
LIBS_quorumctl := -lcurl -ljansson
LIBS_witness := -lsodium -lsystemd
LIBS_tests := -liscsi -lcunit -ljansson -lcurl -lpthread

# ---------------------------------------------------------------- sources

# The files that are programs of their own.
MAINS := $(shell grep -lE '^int (main|LLVMFuzzerTestOneInput)\b' /dev/null \
	src/*/*.c tools/*/*.c tests/*/*.c witness/*.c 2>/dev/null)
mains = $(filter $1/%,$(MAINS))
helpers = $(filter-out $(MAINS),$(wildcard $1/*.c))
ARCHIVES := base codec core drv quorumd runner api libquorumd quorumctl witness sim conform
DIR_base := src/base
DIR_codec := src/codec
DIR_core := src/core
DIR_drv := src/drv
DIR_quorumd := src/quorumd
DIR_runner := src/runner
DIR_api := src/api
DIR_libquorumd := src/libquorumd
DIR_quorumctl := tools/quorumctl
DIR_witness := witness
DIR_sim := tests/sim
DIR_conform := tests/conform
PURE_DIRS := src/base src/codec src/core

ARCHIVE_NAMES := $(foreach a,$(ARCHIVES),$(if $(call helpers,$(DIR_$a)),$a))
UNIT := $(patsubst %.c,%,$(call mains,tests/unit))
DRV := $(patsubst %.c,%,$(call mains,tests/drv))
FUZZ := $(patsubst %.c,%,$(call mains,tests/fuzz))
BENCH := $(patsubst %.c,%,$(call mains,tests/bench))
SIM := $(if $(call mains,tests/sim),sim)

# name:folder of the programs, and those of them that are there
PROGRAM_DIRS := quorumd:src/quorumd quorum-runner:src/runner quorum-api:src/api quorumctl:tools/quorumctl \
	quorum-witnessd:witness
PROGRAMS := $(foreach p,$(PROGRAM_DIRS),$(if $(call mains,$(lastword $(subst :, ,$p))),$(firstword $(subst :, ,$p))))
SO := $(if $(filter libquorumd,$(ARCHIVE_NAMES)),libquorumd.so.0)
# tests/conform/tgt.c -> conform-tgt
extra_name = $(subst -main,,$(notdir $(patsubst %/,%,$(dir $1)))-$(basename $(notdir $1)))
EXTRA_SRC := $(call mains,tests/conform) $(call mains,tools/demo)
EXTRA := $(foreach f,$(EXTRA_SRC),$(call extra_name,$f))

# ---------------------------------------------------------------- entry targets

.PHONY: all check demo sim bench asan tidy model fuzz vm-test install help
.PHONY: explore unit drv cli cluster conform lint fuzz-build analyze format clean deps deps-build deps-test deps-vm FORCE

LINKS := $(addprefix $B/,$(PROGRAMS) $(SO) $(if $(SIM),sim sim-mutants))

## all: the programs, the client library and the simulator, in build/
all: $(addprefix $B/,$(PROGRAMS) $(SO)) $(addprefix $B/$V/,$(EXTRA)) $(if $(SO),$B/libquorumd.a) $(if $(SIM),$B/sim) \
	$(addsuffix .a,$(addprefix $B/$V/lib/,$(ARCHIVE_NAMES)))

$B/sim: $B/fast/sim
$B/sim-mutants: $B/mutants/sim
$(addprefix $B/,$(PROGRAMS) $(SO) libquorumd.a): $B/%: $B/$V/%
$(LINKS) $B/libquorumd.a:
	@ln -sfn $(patsubst $B/%,%,$<) $@
	@$(if $(filter %.so.0,$@),ln -sfn $(@F) $(@:.0=))

## check: every test there is; about ten minutes on a bare machine
check: deps-build deps-test
	+@tests/run_all.sh

## demo: two nodes and a target on this machine: a death, a pause, a hand-over (RENEW=3s, or 300ms)
demo: all deps-test
	@RENEW="$(or $(RENEW),3s)" tools/demo/run

## sim: the simulator (SEEDS=n, SEED=n for one with its trace, SIMFLAGS=)
sim: $B/sim
	$B/sim $(if $(SEED),--seed $(SEED) -v,--seeds 1..$(or $(SEEDS),1000)) $(SIMFLAGS)

## explore: everything that can happen to two or three nodes, to a depth (FULL=1: the kept runs, MUTANTS=1)
explore: $B/explore/explore
	@tests/run_explore.sh

## unit: the unit tests
unit: unit-$V
## asan: unit and driver tests under ASan and UBSan
asan: deps-test tests-asan
	@tests/run_programs.sh unit $(addprefix $B/asan/,$(UNIT))
	@QD_BUILD=$B/asan $(DRV_RUN) $(addprefix $B/asan/,$(DRV))
DRV_RUN := $(or $(firstword $(wildcard tests/drv/run tests/drv/run.sh)),tests/run_programs.sh drv)
## drv: driver tests against a real target
drv: drv-$V

.PHONY: $(foreach v,$(VARIANTS),unit-$v drv-$v tests-$v programs-$v)
$(foreach v,$(VARIANTS),unit-$v): unit-%:
	@tests/run_programs.sh unit $(addprefix $B/$*/,$(UNIT))
$(foreach v,$(VARIANTS),drv-$v): drv-%:
	@QD_BUILD=$B/$* $(DRV_RUN) $(addprefix $B/$*/,$(DRV))
$(foreach v,$(VARIANTS),$(eval unit-$v: $(addprefix $B/$v/,$(UNIT))))
$(foreach v,$(VARIANTS),$(eval drv-$v: deps-test $(addprefix $B/$v/,$(DRV) $(PROGRAMS))))
$(foreach v,$(VARIANTS),$(eval programs-$v: $(addprefix $B/$v/,$(PROGRAMS) $(SO) $(EXTRA) $(SIM)) \
	$(addsuffix .a,$(addprefix $B/$v/lib/,$(ARCHIVE_NAMES)))))
$(foreach v,$(VARIANTS),$(eval tests-$v: $(addprefix $B/$v/,$(UNIT) $(DRV))))

## cli: the command line tests
cli: all deps-test
	@QD_BUILD=$B/$V tests/run_bats.sh tests/cli

## cluster: whole nodes on a real target, with faults
cluster: all deps-test
	@QD_BUILD=$B/$V tests/cluster/run

## tidy: every lint: formatting, clang-tidy, cppcheck, purity, forbidden constructs, man pages
tidy lint: deps-build deps-test
	@tests/lint/run.sh

## format: rewrite the sources the way .clang-format says
format: deps-test
	git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

## analyze: gcc -fanalyzer over src
analyze: deps-build
	@for f in $(wildcard src/*/*.c tools/*/*.c); do echo "$$f"; \
	  $(GCC) -std=c11 -O2 $(INCLUDES) $(DEFS_SHELL) -fanalyzer -c -o /dev/null "$$f" || exit 1; done

## model: the model checker
model: deps-test
	@$(or $(firstword $(wildcard tests/model/run tests/model/run.sh)),false)

## fuzz: each fuzz target for FUZZ_SECONDS (60)
fuzz: fuzz-build
	@tests/run_fuzz.sh $(or $(FUZZ_SECONDS),60) $(addprefix $B/fuzz/,$(FUZZ))

fuzz-build: deps-test $(addprefix $B/fuzz/,$(FUZZ))

## bench: measurements, on this machine (BENCHES="takeover defender", default all)
bench: all deps-test $(addprefix $B/$V/,$(BENCH))
	@QD_BUILD=$B/$V tests/bench/run $(BENCHES)

## conform: the model of the disk and a real target give the same answers
conform: $B/$V/conform deps-test
	@CONFORM=$B/$V/conform tests/conform/run model
	@CONFORM=$B/$V/conform tests/conform/run tgt

## vm-test: tests in virtual machines (CASE=lio, arbiter; without: a list)
vm-test: all deps-test deps-vm
	@vm-test/run $(CASE)

## install: programs, library, headers, pages and unit under DESTDIR and PREFIX
install: $(addprefix $B/$V/,$(PROGRAMS) $(SO)) $(if $(SO),$B/$V/libquorumd.a)
	@set -e; D='$(DESTDIR)'; \
	put() { mode=$$1 dir=$$2; shift 2; [ $$# = 0 ] || install -D -m "$$mode" -t "$$D$$dir" "$$@"; }; \
	fill() { mkdir -p "$$D$$2"; sed $(foreach v,VERSION PREFIX SBINDIR BINDIR LIBEXECDIR LIBDIR INCLUDEDIR,-e 's|@$v@|$($v)|') \
	  -e 's|@LIBS_PRIVATE@|$(LIBS_libquorumd)|' "$$1" >"$$D$$2/$$3"; chmod 644 "$$D$$2/$$3"; }; \
	put 755 '$(SBINDIR)' $(addprefix $B/$V/,$(filter quorumd quorum-witnessd,$(PROGRAMS))); \
	put 755 '$(BINDIR)' $(addprefix $B/$V/,$(filter quorumctl,$(PROGRAMS))); \
	put 755 '$(LIBEXECDIR)' $(addprefix $B/$V/,$(filter quorum-runner quorum-api,$(PROGRAMS))); \
	put 644 '$(INCLUDEDIR)/quorumd' $(wildcard include/quorumd/*.h); \
	$(if $(SO),put 755 '$(LIBDIR)' $B/$V/libquorumd.so.0; put 644 '$(LIBDIR)' $B/$V/libquorumd.a; \
	  ln -sfn libquorumd.so.0 "$$D$(LIBDIR)/libquorumd.so"; \
	  fill tools/dist/quorumd.pc.in '$(LIBDIR)/pkgconfig' quorumd.pc;) \
	$(if $(filter quorumd,$(PROGRAMS)),fill tools/dist/quorumd.service.in '$(UNITDIR)' quorumd.service; \
	  fill tools/dist/quorumd.sysusers '$(PREFIX)/lib/sysusers.d' quorumd.conf;) \
	$(if $(filter quorum-witnessd,$(PROGRAMS)),fill tools/dist/quorum-witnessd.service.in '$(UNITDIR)' quorum-witnessd.service; \
	  fill tools/dist/quorum-witnessd.sysusers '$(PREFIX)/lib/sysusers.d' quorum-witnessd.conf;) \
	$(foreach n,1 3 5 7 8,put 644 '$(MANDIR)/man$n' $(wildcard docs/*.$n);) \
	put 644 '$(DOCDIR)' LICENSE $(wildcard README.md docs/*.md); \
	put 644 '$(DOCDIR)/examples' $(wildcard docs/*.yaml docs/examples/* tools/dist/*.example)

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(firstword $(MAKEFILE_LIST)) | sort | expand -t 12
	@echo "Variables: CC=gcc|clang CI=1 (warnings are errors) V=$(subst $() ,|,$(VARIANTS)) DESTDIR= PREFIX=$(PREFIX)"

## deps: install the Debian packages of packages.txt that are missing
deps: deps-build deps-test deps-vm
deps-build deps-test deps-vm: deps-%:
	@tools/deps.sh $*

## clean: remove build/
clean:
	rm -rf $B

# ---------------------------------------------------------------- rules

# $(call objects,variant,sources)
objects = $(patsubst %.c,$B/$1/%.o,$2)
# What the explorer takes of the core; core/candidate is its own.
EXPLORED := $(filter-out %/cluster_status.c,$(wildcard src/core/cluster*.c)) $(addsuffix .c,$(addprefix src/core/,\
	votes lease times msg witness_msg names trace)) src/codec/sense.c witness/core.c
# $(call archives,variant,names): those of the names that exist
archives = $(foreach a,$(filter $2,$(ARCHIVE_NAMES)),$B/$1/lib/$a.a)
# Everything links what its folder includes, and what that includes in turn: work in progress
# in one place does not stop the tests of another.
USES := $(shell grep -oE '^\#include "(base|codec|core|drv|quorumd|runner|api|libquorumd|tools/quorumctl|witness|tests/sim|sim|conform)/[a-z_]+' \
	/dev/null src/*/*.[ch] tools/*/*.[ch] tests/*/*.[ch] witness/*.[ch] 2>/dev/null | \
	sed 's|\#include "||; s|quorumd/quorumd$$|libquorumd/|; /quorumd\/errors$$/d; s|/[a-z_]*$$||; s|:tools/|:|; s|:tests/|:|' | sort -u)
used = $(sort $(foreach f,$1,$(patsubst $f:%,%,$(filter $f:%,$(USES)))))
$(foreach a,$(ARCHIVES),$(eval DIRECT_$a := $(call used,$(wildcard $(DIR_$a)/*.[ch]))))
wider = $(sort $1 $(foreach u,$1,$(DIRECT_$u)))
# $(call uses,files): the archives
uses = $(sort base $(call wider,$(call wider,$(call wider,$(call used,$1)))))
libs = $(foreach a,$1,$(LIBS_$a))

# $(call program,variant,name,sources,archives,extra libraries,extra link flags)
define program
$B/$1/$2: $(call objects,$1,$3) $(call archives,$1,$4)
	$$(call link,$1,$(call libs,$4) $5,$6)

endef
# $(call link,variant,libraries,extra): archives may need each other
link = $(QUIET_LD)$(CC_$1) $(LINK_$1) $3 -Wl,--as-needed -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $2 $(LDFLAGS)

ifeq ($(VERBOSE),)
QUIET_CC = @echo "  CC   $@";
QUIET_LD = @echo "  LINK $@";
QUIET_AR = @echo "  AR   $@";
endif

define variant
$B/$1/.flags: FORCE
	@mkdir -p $$(@D); flags=$$(call quote,$(CC_$1) $(FLAGS_$1) $(CPPFLAGS)); \
	  [ "$$$$(cat $$@ 2>/dev/null)" = "$$$$flags" ] || echo "$$$$flags" >$$@

$(addprefix $B/$1/,$(DEFS_OBJECTS)): $B/.defs
$B/$1/%.o: %.c $B/$1/.flags | deps-build
	@mkdir -p $$(@D)
	$$(QUIET_CC)$(CC_$1) -std=c11 $$(INCLUDES) $$(if $$(filter $(PURE_DIRS),$$(patsubst %/,%,$$(dir $$<))),,$$(DEFS_SHELL) $$(PKG_CFLAGS)) \
	  $(FLAGS_$1) $(WERROR_$1) $$(PIC) $(CPPFLAGS) -MMD -MP -c -o $$@ $$< 2>$$@.warned; \
	  rc=$$$$?; if [ -s $$@.warned ]; then cat $$@.warned >&2; else rm -f $$@.warned; fi; exit $$$$rc

# The client library is also a shared one: it and what it takes from below must be position independent.
$B/$1/src/%.o: PIC := -fPIE
$B/$1/src/base/%.o: PIC := -fPIC
$B/$1/src/libquorumd/%.o: PIC := -fPIC
$B/$1/tools/%.o: PIC := -fPIE
$B/$1/tests/%.o: PIC := -fPIE
$B/$1/witness/%.o: PIC := -fPIE

$(foreach a,$(ARCHIVE_NAMES),
$B/$1/lib/$a.a: $(call objects,$1,$(call helpers,$(DIR_$a)))
	@mkdir -p $$(@D); rm -f $$@
	$$(QUIET_AR)ar rcs $$@ $$^
)
$(foreach p,$(PROGRAM_DIRS) sim:tests/sim,\
  $(call program,$1,$(call word1,$p),$(wildcard $(call word2,$p)/*.c),\
  $(filter-out $(OWN_$(call word2,$p)),$(USES_$(call word2,$p))),$(call libs,$(OWN_$(call word2,$p)))))
$(foreach f,$(EXTRA_SRC),$(call program,$1,$(call extra_name,$f),$f,$(USES_$f)))
$B/$1/libquorumd.so.0: $(call objects,$1,$(wildcard src/libquorumd/*.c)) $(call archives,$1,base)
	$$(QUIET_LD)$(CC_$1) $(filter-out -pie,$(LINK_$1)) -shared -Wl,-soname,libquorumd.so.0 \
	  $(addprefix -Wl$(comma)--version-script=,$(wildcard src/libquorumd/libquorumd.map)) \
	  -Wl,--as-needed -Wl,--exclude-libs,ALL -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $(LIBS_libquorumd) $(LDFLAGS)
$B/$1/libquorumd.a: $(call objects,$1,$(wildcard src/libquorumd/*.c src/base/*.c))
	@rm -f $$@
	$$(QUIET_AR)ar rcs $$@ $$^

$(foreach d,unit drv bench,$(foreach t,$(basename $(call mains,tests/$d)),\
  $(call program,$1,$t,$t.c $(call helpers,tests/$d),$(USES_$t),$(LIBS_tests))))
endef

# Only what names the folders is compiled again when they change; a header that does makes that everything.
DEFS_FILES := $(shell grep -lE '\bQD_(VERSION|SYSCONFDIR|RUNDIR|LIBEXECDIR)\b' /dev/null \
	src/*/*.[ch] tools/*/*.[ch] tests/*/*.[ch] witness/*.[ch] 2>/dev/null)
DEFS_OBJECTS := $(patsubst %.c,%.o,$(if $(filter %.h,$(DEFS_FILES)),$(filter-out $(addsuffix /%,$(PURE_DIRS)),\
	$(wildcard src/*/*.c tools/*/*.c tests/*/*.c witness/*.c)),$(DEFS_FILES)))
$B/.defs: FORCE
	@mkdir -p $(@D); defs=$(call quote,$(DEFS_SHELL)); [ "$$(cat $@ 2>/dev/null)" = "$$defs" ] || echo "$$defs" >$@

# What each program uses, worked out once for all variants; a folder's own archive is in its objects already.
word1 = $(firstword $(subst :, ,$1))
word2 = $(lastword $(subst :, ,$1))
$(foreach a,$(ARCHIVES),$(eval OWN_$(DIR_$a) := $a))
$(foreach p,$(PROGRAM_DIRS) sim:tests/sim,$(eval USES_$(call word2,$p) := $(sort $(OWN_$(call word2,$p)) \
	$(call uses,$(wildcard $(call word2,$p)/*.[ch])))))
$(foreach d,unit drv bench fuzz,$(foreach t,$(call mains,tests/$d),\
	$(eval USES_$(t:.c=) := $(call uses,$t $(call helpers,tests/$d) $(wildcard tests/$d/*.h)))))
$(foreach f,$(EXTRA_SRC),$(eval USES_$f := $(sort $(if $(filter tests/conform/%,$f),conform) $(call uses,$(wildcard $(dir $f)*.[ch])))))
# The driver tests test the drivers, and the conformance runner speaks iSCSI, whatever they include.
$(foreach t,$(DRV),$(eval USES_$t := $(sort drv $(USES_$t))))
LIBS_conform := -liscsi

# Where warnings are errors, what was compiled with warnings before is compiled again; nothing else is.
ifneq ($(WERROR),)
$(patsubst %.warned,%,$(shell [ -d $B ] && find $B -name '*.warned')): FORCE
endif

comma := ,
quote = '$(subst ','\'',$1)'

$(foreach v,$(VARIANTS),$(eval $(call variant,$v)))
$(eval $(call program,explore,explore,$(wildcard tests/explore/*.c) $(EXPLORED)))
$(foreach t,$(FUZZ),$(eval $(call program,fuzz,$t,$t.c $(call helpers,tests/fuzz),$(USES_$t),$(LIBS_tests),-fsanitize=fuzzer)))

.SECONDARY:
-include $(shell [ -d $B ] && find $B -name '*.d')
