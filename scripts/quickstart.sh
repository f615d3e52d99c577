#!/usr/bin/env bash
# From nothing to a checked XDP program: bash scripts/quickstart.sh DIR
#
# Installs missing tools (Debian, Ubuntu; as root), kfuncgen into CHECKOUT/.venv, then writes the project xdp-xfrm
# to DIR, lints it, compiles it and, as root, has the running kernel's verifier judge each program. Nothing is
# attached to any interface. May be run again: what is there and unchanged is kept. KFUNCGEN_VENV names another folder
# for the environment.
set -euo pipefail

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$CHECKOUT/scripts/common.sh"

[ $# -eq 1 ] || die "usage: bash scripts/quickstart.sh DIR"
case $1 in -*) die "usage: bash scripts/quickstart.sh DIR" ;; esac
project=$1
PATH=$PATH:/usr/sbin:/sbin

install_packages
make_environment "${KFUNCGEN_VENV:-$CHECKOUT/.venv}" "[lsp]"
PATH="${KFUNCGEN_VENV:-$CHECKOUT/.venv}/bin:$PATH"

step() { printf '\n$ %s\n' "$*"; "$@"; }

step kfuncgen new xdp-xfrm "$project" --no-prompt
step kfuncgen lint "$project"
step make -C "$project"
if can_load; then
    step make -C "$project" verify
    printf '\n%s: written, linted, compiled, and accepted by kernel %s\n' "$project" "$(uname -r)"
else
    printf '\n%s: written, linted and compiled; as root, make verify asks the running kernel\n' "$project"
fi
