#!/usr/bin/env bash
# The documentation site: bash scripts/docs.sh [FOLDER]
#
# Builds it into FOLDER (site/ of the checkout when absent), with kfuncgen and MkDocs in CHECKOUT/.venv. Nothing in it is
# loaded from elsewhere: a browser can open FOLDER/index.html, any web server can serve the folder.
set -euo pipefail

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$CHECKOUT/scripts/common.sh"

[ $# -le 1 ] || die "usage: bash scripts/docs.sh [FOLDER]"
case ${1-} in -*) die "usage: bash scripts/docs.sh [FOLDER]" ;; esac
folder=$(realpath -m "${1-$CHECKOUT/site}")

make_environment "${KFUNCGEN_VENV:-$CHECKOUT/.venv}" "[docs]"
# MkDocs announces its successor otherwise, to those who build the site and cannot do anything about it.
NO_MKDOCS_2_WARNING=1 "${KFUNCGEN_VENV:-$CHECKOUT/.venv}/bin/python" -m mkdocs build --strict --quiet \
    --config-file "$CHECKOUT/docs/mkdocs.yml" --site-dir "$folder"
say "the site is $folder/index.html"
