# CEREBRO. Targets: all (default), demo, check, check-peers, bench, install,
# fmt, lint, clean. Each folder's sources are found by wildcard: adding a file
# needs no edit here.
include config.mk

B          := build
CORE_SRC   := $(wildcard core/*/*.c)
CORE_OBJ   := $(CORE_SRC:%.c=$(B)/%.o)
ENGINE_SRC := $(wildcard engine/*.c)
ENGINE_OBJ := $(ENGINE_SRC:%.c=$(B)/%.o)
CLI_SRC    := $(wildcard cli/*.c)
CLI_OBJ    := $(CLI_SRC:%.c=$(B)/%.o)
CPPFLAGS_ALL := -Iinclude -Icore -DCER_VERSION='"$(CEREBRO_VERSION)"'

PG_INC := $(shell $(PG_CONFIG) --includedir)
PG_LIB := $(shell $(PG_CONFIG) --libdir)
XSMM   := -l:libxsmmnoblas.a -l:libxsmm.a

.PHONY: all core engine extension cli clean fmt
all: core $(if $(ENGINE_SRC),engine) extension $(if $(CLI_SRC),cli)

core: $(B)/libcerebro.a
engine: $(B)/cerebro_engine
cli: $(B)/cerebro

$(B)/libcerebro.a: $(CORE_OBJ)
	rm -f $@
	ar rcs $@ $^

$(B)/cerebro_engine: $(ENGINE_OBJ) $(B)/libcerebro.a
	$(CC) $(CFLAGS_ALL) -o $@ $(ENGINE_OBJ) $(B)/libcerebro.a -l:libxsmm.a -l:libxsmmnoblas.a -lseccomp -lpthread -ldl -lm

$(B)/cerebro: $(CLI_OBJ)
	$(CC) $(CFLAGS_ALL) -o $@ $(CLI_OBJ) -lpq -lm

$(B)/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/engine/%.o: engine/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/cli/%.o: cli/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -I$(PG_INC) -MMD -MP -c -o $@ $<

# The extension is built by PGXS in its own folder and staged as an
# installation below build/stage, so that nothing need be installed to try it.
extension: core $(if $(ENGINE_SRC),engine)
	$(MAKE) -C extension PG_CONFIG=$(PG_CONFIG) stage

clean:
	$(MAKE) -C extension PG_CONFIG=$(PG_CONFIG) clean
	rm -rf $(B)

fmt:
	clang-format-14 -i $$(git ls-files '*.c' '*.h')

-include $(CORE_OBJ:.o=.d) $(ENGINE_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
