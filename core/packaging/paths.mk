# Included by every Makefile that calls cargo: nothing that is built then holds a path of this machine.
#
# The options stand in files, because of how cargo names what it builds: two sets of options that differ in
# --remap-path-prefix overwrite each other's artifacts, so that a plain `cargo build` beside `make` would build everything
# anew each time. The name of a file is an option like any other, and both keep their own.
packaging := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
built := $(abspath $(or $(CARGO_TARGET_DIR),$(packaging)/../../target))
write_paths := '$(packaging)/paths.sh' '$(built)'
$(shell $(write_paths))

# A make within a make finds the options there already.
export RUSTFLAGS := $(strip $(filter-out @$(built)/paths/rustc,$(RUSTFLAGS)) @$(built)/paths/rustc)
export CFLAGS := $(strip $(filter-out @$(built)/paths/cc,$(CFLAGS)) @$(built)/paths/cc)
