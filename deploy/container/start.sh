#!/bin/sh
# Start a service of the image: `start.sh COMMAND ...`.
#
# The root of the container is read-only, and numba uses its cache only where it can write. So the compiled kernels of
# the image are copied into a folder that the service can write. On another kind of processor numba compiles them again.
set -eu
export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-/tmp/kernels}"
if [ ! -d "$NUMBA_CACHE_DIR" ]; then
    cp -r /opt/kernels "$NUMBA_CACHE_DIR"
fi
exec "$@"
