# One place for tools and flags; every makefile includes it.
CC        ?= gcc
PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/*/bin/pg_config) pg_config)
CEREBRO_VERSION := 0.1.0

WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
             -Wmissing-prototypes -Wvla -Werror
# Speed variants are chosen at run time: no machine-specific flags here.
# Contraction is off everywhere: a fused multiply-add is written where meant.
CFLAGS_ALL := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -ffp-contract=off \
              -fno-math-errno $(WARNINGS)
SANITIZE  ?=
CFLAGS_ALL += $(SANITIZE)
