# Rules for GNU make that check BPF programs before they are compiled.
#
#   include kfuncgen.mk
#   %.bpf.o: %.bpf.c $(KFUNCGEN_DIR)/%.bpf.c.ok
#   	clang -O2 -g -target bpf -c $< -o $@
#
# Each of KFUNCGEN_SOURCES has a stamp, which is made by checking it: again when it, kfuncgen.toml or
# KFUNCGEN_DEPENDS are newer. `make kfuncgen-lint` checks all of them, `make kfuncgen-fix` mends them.
KFUNCGEN ?= kfuncgen
KFUNCGEN_FLAGS ?=
KFUNCGEN_DIR ?= .kfuncgen
KFUNCGEN_SOURCES ?= $(wildcard *.bpf.c src/*.bpf.c)
# Headers of your own that programs include.
KFUNCGEN_DEPENDS ?= $(wildcard *.h src/*.h include/*.h)

kfuncgen_goal := $(.DEFAULT_GOAL)

.PHONY: kfuncgen-lint kfuncgen-fix
kfuncgen-lint:
	$(KFUNCGEN) lint $(KFUNCGEN_SOURCES) $(KFUNCGEN_FLAGS)

kfuncgen-fix:
	$(KFUNCGEN) lint --fix $(KFUNCGEN_SOURCES) $(KFUNCGEN_FLAGS)

# Targets by name, and not a pattern: make would rather take its own rule for C than make a stamp on the way.
$(KFUNCGEN_SOURCES:%=$(KFUNCGEN_DIR)/%.ok): $(KFUNCGEN_DIR)/%.ok: % $(KFUNCGEN_DEPENDS) $(wildcard kfuncgen.toml)
	@mkdir -p $(@D)
	$(KFUNCGEN) lint $< $(KFUNCGEN_FLAGS)
	@touch $@

# The first target of whoever includes this stays the default one.
.DEFAULT_GOAL := $(kfuncgen_goal)
