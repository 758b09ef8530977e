# evse-tools: one non-recursive makefile. Everything is built below $(B); nothing else is written.
#
#   make            build the programs into build/bin/
#   make run        install what is missing, build, run a whole charger on the simulation
#   make test       install what is missing, build, run all tests
#   make help       the other targets

-include config.mak

B          ?= build
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/evse
SYSCONFDIR ?= /etc
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
AR         ?= ar
VERSION    := $(shell cat VERSION)
Q          := $(if $(V),,@)

# ---- flags: the packager's are kept, ours are added ----
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef \
	-Wvla -Wswitch-enum -Wdouble-promotion -Wimplicit-fallthrough -Wdate-time
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n 1)),clang)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches
else
WARN += -Wno-double-promotion # clang 14 takes the NAN and INFINITY of math.h for floats that were promoted
endif
ifdef DEVELOPER
WARN += -Werror
endif
ifndef SANITIZE
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
else
HARDEN := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif
ifdef COVERAGE
HARDEN += --coverage -O0
endif
ALL_CPPFLAGS = -Ilib -D_GNU_SOURCE -DEVSE_VERSION='"$(VERSION)"' -DEVSE_DATADIR='"$(DATADIR)"' \
	-DEVSE_SYSCONFDIR='"$(SYSCONFDIR)/evse"' $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu17 $(WARN) $(HARDEN) -fPIE -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed \
	$(filter -fsanitize%,$(HARDEN)) $(filter --coverage,$(HARDEN)) $(LDFLAGS)

# ---- libraries: the hard ones, then those used only where present ----
LIBJQ_LIBS ?= -ljq
PKGS       := libmodbus libwebsockets libcrypto libssl zlib
PKGS_FOUND := $(shell $(PKG_CONFIG) --exists $(PKGS) 2>/dev/null && echo yes)
ifeq ($(PKGS_FOUND),yes)
ALL_CPPFLAGS += $(shell $(PKG_CONFIG) --cflags $(PKGS))
LIBS := $(LIBJQ_LIBS) $(shell $(PKG_CONFIG) --libs $(PKGS)) -lm
else
LIBS := $(LIBJQ_LIBS) -lmodbus -lwebsockets -lssl -lcrypto -lz -lm
endif
# Without libseccomp the tools work, not confined; under sanitizers and for coverage too, whose own
# calls no tool makes.
ifeq ($(SANITIZE)$(COVERAGE),)
ifeq ($(shell $(PKG_CONFIG) --exists libseccomp 2>/dev/null && echo yes),yes)
ALL_CPPFLAGS += -DEVSE_SECCOMP $(shell $(PKG_CONFIG) --cflags libseccomp)
LIBS += $(shell $(PKG_CONFIG) --libs libseccomp)
endif
endif
LIBS += $(LDLIBS)

# Programs that need a library of their own: program -> pkg-config name. Built only where present.
OPT_evse-top := ncursesw
OPTIONAL     := evse-top
has = $(if $(OPT_$(1)),$(shell $(PKG_CONFIG) --exists $(OPT_$(1)) 2>/dev/null && echo $(1)),$(1))

# ---- what there is ----
LIB_SRC := $(sort $(wildcard lib/*/*.c lib/*/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
HEADERS := $(sort $(wildcard lib/*/*.h lib/*/*/*.h))
C_TOOLS := $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/evse-*.c)))
D_TOOLS := $(patsubst cmd/%/main.c,%,$(sort $(wildcard cmd/evse-*/main.c)))
S_TOOLS := $(patsubst cmd/%.sh,%,$(sort $(wildcard cmd/evse-*.sh)))
TOOLS   := $(foreach t,$(C_TOOLS) $(D_TOOLS),$(call has,$(t)))
BINS    := $(TOOLS:%=$(B)/bin/%) $(S_TOOLS:%=$(B)/bin/%)
UNIT    := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(sort $(wildcard tests/unit/*.c)))
C_HELP  := $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
D_HELP  := $(patsubst tests/tools/%/main.c,%,$(sort $(wildcard tests/tools/*/main.c)))
HELPERS := $(patsubst %,$(B)/tests/%,$(C_HELP) $(D_HELP))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))

.PHONY: all bins help clean install uninstall run test check unit cli lint sanitize valgrind coverage fuzz \
	bench deps check-man check-headers check-install completions dist distcheck prove
.DELETE_ON_ERROR:
.SECONDARY:

all: bins
bins: $(BINS) $(B)/share
help:
	@sed -n 's/^## //p' Makefile tests/tests.mk

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libevse.a: $(LIB_OBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcsD $@ $(LIB_OBJ)

tool_obj = $(patsubst %.c,$(B)/obj/%.o,$(wildcard cmd/$(1).c) $(sort $(wildcard cmd/$(1)/*.c)))
define tool_rule
$(B)/bin/$(1): $(call tool_obj,$(1)) $(B)/libevse.a
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(B)/libevse.a $(if $(OPT_$(1)),$(shell $(PKG_CONFIG) --libs $(OPT_$(1)) 2>/dev/null)) $$(LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

$(B)/bin/%: cmd/%.sh
	@mkdir -p $(@D)
	$(Q)sed 's|@VERSION@|$(VERSION)|g' $< >$@ && chmod +x $@

# The programs find share/evse beside themselves (../share/evse) when they run from the build tree.
$(B)/share: $(sort $(wildcard share/evse share/evse/* share/evse/*/*))
	@mkdir -p $(B)/share && rm -rf $(B)/share/evse && { [ ! -d share/evse ] || cp -R share/evse $(B)/share/; }
	@touch $@

$(B)/tests/unit/%: tests/unit/%.c tests/unit/harness.h $(B)/libevse.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(B)/libevse.a $(LIBS)

$(B)/tests/%: tests/tools/%.c $(B)/libevse.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(B)/libevse.a $(LIBS)

# … or a folder of them, as cmd/ has.
define helper_rule
$(B)/tests/$(1): $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tests/tools/$(1)/*.c))) $(B)/libevse.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach t,$(D_HELP),$(eval $(call helper_rule,$(t))))

$(B)/bench/%: tests/bench/%.c $(B)/libevse.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(B)/libevse.a $(LIBS)

# A program of a folder has none of its own: one that lies there is left from when it was a single file.
-include $(filter-out $(D_HELP:%=$(B)/tests/%.d),$(shell find $(B) -name '*.d' 2>/dev/null))

clean:
	rm -rf $(B)

# ---- install ----
MAN     = $(sort $(wildcard man/*.[1-9]))
DATA    = $(shell find share/evse -type f 2>/dev/null | sort)
COMP    = $(sort $(wildcard completions/bash/* completions/zsh/* completions/fish/*))
COMPDIR = $(DESTDIR)$(PREFIX)/share
comp_place = $(patsubst completions/bash/%,bash-completion/completions/%,$(patsubst completions/zsh/%,zsh/site-functions/%,$(patsubst completions/fish/%,fish/vendor_completions.d/%,$(1))))

## make install      DESTDIR= PREFIX=/usr/local: programs, pages, data, completions; uninstall takes them away
install: bins
	@for f in $(BINS); do install -D -m 755 $$f $(DESTDIR)$(BINDIR)/$${f##*/} || exit 1; done
	@for f in $(MAN); do install -D -m 644 $$f $(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/} || exit 1; done
	@for f in $(DATA); do install -D -m "$$([ -x $$f ] && echo 755 || echo 644)" $$f $(DESTDIR)$(DATADIR)/$${f#share/evse/} || exit 1; done
	@$(foreach f,$(COMP),install -D -m 644 $(f) $(COMPDIR)/$(call comp_place,$(f)) &&) true

uninstall:
	@for f in $(BINS); do rm -f $(DESTDIR)$(BINDIR)/$${f##*/}; done
	@for f in $(MAN); do rm -f $(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/}; done
	@rm -rf $(DESTDIR)$(DATADIR)
	@rm -f $(foreach f,$(COMP),$(COMPDIR)/$(call comp_place,$(f)))

## make dist         a tarball of the committed tree and its checksum
dist:
	@mkdir -p $(B)
	git archive --prefix=evse-tools-$(VERSION)/ -o $(B)/evse-tools-$(VERSION).tar.gz HEAD
	cd $(B) && sha256sum evse-tools-$(VERSION).tar.gz >evse-tools-$(VERSION).tar.gz.sha256

include tests/tests.mk
