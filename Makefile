# CEREBRO.  The targets are listed by `make help`.  Each folder's sources are
# found by wildcard: adding a file needs no edit here.
include config.mk

B          ?= build
CORE_OBJ   := $(patsubst %.c,$(B)/%.o,$(wildcard core/*/*.c))
ENGINE_OBJ := $(if $(wildcard engine/main.c),$(patsubst %.c,$(B)/%.o,$(wildcard engine/*.c)))
CLI_OBJ    := $(patsubst %.c,$(B)/%.o,$(wildcard cli/*.c))
LIB_OBJ    := $(patsubst %.c,$(B)/%.o,$(wildcard test/lib/*.c))
UNIT       := $(patsubst %.c,$(B)/%,$(wildcard test/unit/test_*.c test/prop/test_*.c))
# The layers' checks once more with doubles for floats: see test/lib/double.h.
DOUBLE     := $(B)/double/test_layers
DOUBLE_OBJ := $(patsubst %.c,$(B)/double/%.o,$(wildcard core/base/*.c) core/data/shape.c $(filter-out %_xsmm.c,$(wildcard core/nn/*.c)) \
              $(addprefix core/train/,embed_decay.c muon.c optimizer.c schedule.c) test/unit/test_layers.c \
              $(addprefix test/lib/,activation.c layer_text.c net_case.c random.c tasks_host.c))
FUZZ       := $(patsubst %.c,%,$(notdir $(wildcard test/fuzz/fuzz_*.c)))
REPLAY     := $(FUZZ:%=$(B)/test/fuzz/%)
CPPFLAGS_ALL := -Iinclude -Icore -DCER_VERSION='"$(CEREBRO_VERSION)"'

PG_INC = $(shell $(PG_CONFIG) --includedir)
PG_LIB = $(shell $(PG_CONFIG) --libdir)
LIBS       := -l:libxsmm.a -l:libxsmmnoblas.a -ldl -lm
CORE_LIBS  := $(B)/libcerebro.a $(LIBS)

.PHONY: all core engine extension cli
all: core $(if $(ENGINE_OBJ),engine) extension $(if $(CLI_OBJ),cli) ## build everything (the default)
core: $(B)/libcerebro.a
engine: $(B)/cerebro_engine
cli: $(B)/cerebro

$(B)/libcerebro.a: $(CORE_OBJ)
	rm -f $@
	ar rcs $@ $^

$(B)/cerebro_engine: $(ENGINE_OBJ) $(B)/libcerebro.a
	$(CC) $(CFLAGS_ALL) -o $@ $(ENGINE_OBJ) $(CORE_LIBS) -lseccomp -lpthread

# Of the program, what its unit tests and fuzz targets look at.
TEST_CLI := $(B)/libcli.a
$(TEST_CLI): $(filter-out %/main.o,$(CLI_OBJ))
	rm -f $@
	ar rcs $@ $^

$(B)/cerebro: $(CLI_OBJ)
	$(CC) $(CFLAGS_ALL) -o $@ $(CLI_OBJ) -L$(PG_LIB) -lpq -lz -lm

# The inner loops: the compiler vectorises them; see core/nn/kernels.inc.
$(B)/core/nn/kernels_%.o: CFLAGS_ALL += -O3 -fno-trapping-math

$(B)/core/nn/gemm.o $(B)/core/nn/bf16.o $(B)/core/nn/bf16_avx512.o: CFLAGS_ALL += -O3

$(B)/core/data/encode_scale.o: CFLAGS_ALL += -fno-trapping-math
$(B)/core/data/encode_grid.o: CFLAGS_ALL += -O3 -fno-trapping-math
$(B)/core/nn/explain.o $(B)/core/nn/lift.o $(B)/core/nn/op_pool.o: CFLAGS_ALL += -O3 -fno-trapping-math
# clang, which builds for fuzzing, does not know gcc's target pragma.
build/fuzz/core/nn/kernels_avx2.o: CFLAGS_ALL += -mavx2 -mfma
build/fuzz/core/nn/kernels_avx512.o: CFLAGS_ALL += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma
build/fuzz/core/nn/bf16_avx512.o: CFLAGS_ALL += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mavx2 -mfma

$(B)/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/engine/%.o: engine/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/cli/%.o: cli/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -I$(PG_INC) -MMD -MP -c -o $@ $<

$(B)/test/%.o: test/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-conversion -Wno-missing-field-initializers $(CPPFLAGS_ALL) -Iengine -Icli -Itest/lib -MMD -MP -c -o $@ $<

# The extension is built by PGXS in its own folder and staged as an
# installation below build/stage, so that nothing need be installed to try it.
extension: core $(if $(ENGINE_OBJ),engine)
	+@$(MAKE) --no-print-directory -C extension PG_CONFIG=$(PG_CONFIG) stage

# ------------------------------------------------------------------- running
.PHONY: demo bench
demo: all ## the whole path on real flights (needs data/flights, see tools/fetch-flights)
	$(B)/cerebro demo data/flights

$(B)/bench/%: bench/%.c $(B)/engine/threads.o $(B)/engine/memory.o $(B)/engine/overflow.o $(B)/engine/recycle.o $(B)/libcerebro.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-conversion $(CPPFLAGS_ALL) -Iengine -o $@ $< $(filter %.o,$^) $(CORE_LIBS) -lpthread

BENCHES := parse algebra import read encode train train_sql session score scan cancel archive
bench: all ## every measurement of bench/, beside its peer
	@for b in $(BENCHES); do bench/$$b || exit 1; done

# ------------------------------------------------------------------- checks
.PHONY: check check-peers check-lint check-unit check-fuzz check-sql check-tap check-cli check-asan tests fuzz
SUITES := check-lint check-unit check-fuzz check-sql check-tap check-cli
check: all ## every test that C, SQL and shell can run
	@tools/check-suites $(SUITES)

check-peers: all ## tests beside Python's world and other PostgreSQL majors
	@tools/check-suites check-peer-docs check-peer-golden check-peer-props check-peer-pg16 check-peer-pg18

.PHONY: check-peer-docs check-peer-golden check-peer-props check-peer-pg16 check-peer-pg18
check-peer-docs:
	tools/check-peer-docs
check-peer-golden:
	tools/check-peer-golden
check-peer-props:
	tools/check-peer-props
check-peer-pg16 check-peer-pg18: check-peer-pg%:
	tools/check-peer-pg $*

check-lint: core
	tools/lint

tests: $(UNIT) $(REPLAY)

check-unit: $(UNIT) $(DOUBLE) ## unit tests of the core
	tools/check-unit check-unit $(UNIT) $(DOUBLE)

$(UNIT): $(B)/%: $(B)/%.o $(LIB_OBJ) $(B)/libcerebro.a $(TEST_CLI)
	$(CC) $(CFLAGS_ALL) -o $@ $< $(LIB_OBJ) $(TEST_CLI) $(CORE_LIBS) -lcmocka -lpthread

$(B)/double/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -w $(CPPFLAGS_ALL) -Itest/lib -include double.h -MMD -MP -c -o $@ $<

$(DOUBLE): $(DOUBLE_OBJ) $(B)/libcerebro.a
	$(CC) $(CFLAGS_ALL) -o $@ $^ -lcmocka -lpthread -lm

# Each reader of foreign bytes under sanitizers: its corpus, then FUZZ_MS of
# changes to it.  The long run is `make fuzz`.
FUZZ_MS ?= 3000
check-fuzz:
	+$(MAKE) -s -j$(shell nproc) B=build/asan SANITIZE='$(ASAN)' WARNINGS=-Wall $(REPLAY:$(B)/%=build/asan/%)
	SUITE=check-fuzz FUZZ_MS=$(FUZZ_MS) tools/check-fuzz-replay $(REPLAY:$(B)/%=build/asan/%)

# A fuzz target with plain gcc: its main replays files.
$(REPLAY): $(B)/%: $(B)/%.o $(B)/test/fuzz/replay.o $(LIB_OBJ) $(B)/libcerebro.a $(TEST_CLI)
	$(CC) $(CFLAGS_ALL) -o $@ $< $(B)/test/fuzz/replay.o $(LIB_OBJ) $(TEST_CLI) $(CORE_LIBS) -lcmocka

check-sql: all ## SQL tests and races; TESTS="a b" for some
	tools/check-sql

check-tap: all ## TAP tests of the extension; TESTS="a b" for some
	tools/check-tap

check-cli: all ## tests of the program
	tools/check-cli

ASAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
check-asan: ## unit tests and fuzz corpora under sanitizers
	+$(MAKE) B=build/asan SANITIZE='$(ASAN)' WARNINGS=-Wall core $(if $(ENGINE_OBJ),engine) tests
	tools/check-unit check-asan $(UNIT:$(B)/%=build/asan/%)
	SUITE=check-asan-fuzz tools/check-fuzz-replay $(REPLAY:$(B)/%=build/asan/%)

FUZZ_SECONDS ?= 600
fuzz: ## libFuzzer over every reader of foreign bytes, FUZZ_SECONDS each
	+$(MAKE) B=build/fuzz CC=clang-14 WARNINGS= SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined' core build/fuzz/libcli.a \
		$(LIB_OBJ:$(B)/%=build/fuzz/%) $(FUZZ:%=build/fuzz/test/fuzz/%.o)
	@for f in $(FUZZ); do \
		clang-14 -fsanitize=fuzzer,address,undefined -o build/fuzz/$$f build/fuzz/test/fuzz/$$f.o \
			$(LIB_OBJ:$(B)/%=build/fuzz/%) build/fuzz/libcli.a build/fuzz/libcerebro.a $(LIBS) -lcmocka && \
		mkdir -p build/fuzz/corpus/$$f && \
		build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 build/fuzz/corpus/$$f test/fuzz/corpus/$${f#fuzz_} || exit 1; \
	done

# -------------------------------------------------------------- installation
prefix ?= /usr/local
bindir ?= $(prefix)/bin
.PHONY: install uninstall
install: all ## into the server that PG_CONFIG names, the program into $(bindir)
	$(MAKE) -C extension PG_CONFIG=$(PG_CONFIG) install
	$(if $(CLI_OBJ),install -D -m 755 $(B)/cerebro '$(DESTDIR)$(bindir)/cerebro')

uninstall: ## what install put there
	$(MAKE) -C extension PG_CONFIG=$(PG_CONFIG) uninstall
	rm -f '$(DESTDIR)$(bindir)/cerebro'

# ------------------------------------------------------------------- keeping
.PHONY: fmt lint shape clean help
fmt: ## lay out all C files
	git ls-files '*.c' '*.h' | xargs clang-format-14 -i

lint: core ## layout, layers, forbidden calls, shell scripts
	@tools/lint

shape: ## sizes of functions and files
	@tools/shape

clean: ## remove what was built
	-$(MAKE) -C extension PG_CONFIG=$(PG_CONFIG) clean
	rm -rf $(B)

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/double/*/*/*.d)
