# SPDX-License-Identifier: Apache-2.0
# The conformance runner. Included by the main Makefile, or alone: make -f tests/conform/conform.mk conform
CONFORM_BUILD ?= build/conform
CONFORM_SRC := $(wildcard tests/conform/*.c)
CONFORM_OBJ := $(CONFORM_SRC:tests/conform/%.c=$(CONFORM_BUILD)/%.o)
CONFORM_WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wold-style-definition -Wundef -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings \
  -Wformat=2 -Wvla -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Wdate-time -fno-common

conform: $(CONFORM_BUILD)/conform
.PHONY: conform

$(CONFORM_BUILD)/conform: $(CONFORM_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ -liscsi

$(CONFORM_BUILD)/%.o: tests/conform/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(CONFORM_WARN) $(CFLAGS) -Itests/conform -MMD -MP -c -o $@ $<

-include $(CONFORM_OBJ:.o=.d)
