#!/usr/bin/env bash
# All tests: bash scripts/test.sh [PYTEST ARGUMENTS]
#
# Installs missing tools (Debian, Ubuntu; as root) and kfuncgen with its development tools into CHECKOUT/.venv,
# then runs the linters and the tests. As root on a kernel with BTF the tests that load BPF programs must run;
# elsewhere they are skipped with the reason, as are those that drive shells, editors and build tools which are not
# installed and cannot be. Nothing is attached outside network namespaces of the tests' own.
set -euo pipefail

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$CHECKOUT/scripts/common.sh"
cd "$CHECKOUT"
PATH=$PATH:/usr/sbin:/sbin

install_packages
# The kernel's own BPF programs, which test_selftests.py lints where the package is (Debian; 150 MB).
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && [ ! -e /usr/src/linux-source-6.12.tar.xz ]; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        linux-source-6.12; } >&2 || say "linux-source-6.12 is not available: its programs are not linted"
fi
make_environment "${KFUNCGEN_VENV:-$CHECKOUT/.venv}" "[dev,docs,lsp,editors]"
PATH="${KFUNCGEN_VENV:-$CHECKOUT/.venv}/bin:$PATH"

if can_load; then
    export KFUNCGEN_REQUIRE_KERNEL=1
else
    say "tests that load BPF programs will be skipped: they need root and a kernel with BTF"
fi

if install_test_tools; then
    export KFUNCGEN_REQUIRE_TOOLS=1
fi

step() { printf '\n$ %s\n' "$*"; "$@"; }

step ruff check .
step mypy
# loadgroup: tests that share something costly (a built wheel) stay in one process.
step pytest -n "${KFUNCGEN_JOBS:-2}" --dist loadgroup -ra "$@"
