# shellcheck shell=bash
# Shared by quickstart.sh and test.sh: the tools they need, and kfuncgen in an environment of its own.
# Sourced, after `set -euo pipefail`; reads CHECKOUT.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# have_clang: a clang that compiles for BPF, under the names that distributions give it.
have_clang() {
    local name
    for name in "${KFUNCGEN_CLANG:-clang}" clang clang-{21,20,19,18,17,16,15}; do
        if command -v "$name" >/dev/null &&
            echo 'int x;' | "$name" -target bpf -x c -c -o /dev/null - 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

# install_packages: the Debian and Ubuntu packages behind missing tools, as root; else says what to install.
install_packages() {
    local missing=()
    have_clang || missing+=("$(clang_package)")
    command -v bpftool >/dev/null || [ -x /usr/sbin/bpftool ] || missing+=(bpftool)
    command -v make >/dev/null || missing+=(make)
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing+=(iproute2)
    [ -e /usr/include/bpf/bpf_helpers.h ] || missing+=(libbpf-dev)
    [ -e /usr/include/libelf.h ] || missing+=(libelf-dev)
    [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        die "missing (names as in Debian): ${missing[*]}; install them with your package manager"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        die "missing: run 'sudo apt-get install ${missing[*]}', then this again"
    fi
    say "installing ${missing[*]}"
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

# Programs that tests drive when they are there (marker `outside`), each with its Debian package.
TEST_TOOLS=(git:git cmake:cmake meson:meson zsh:zsh fish:fish /usr/bin/nvim:neovim clangd-19:clangd-19
    emacs:emacs-nox /usr/bin/vim.basic:vim /usr/share/vim-ale:vim-ale)

# have_node: a Node that the tools of VS Code's extension run on. Distributions' is mostly too old to install it here.
have_node() { command -v npm >/dev/null && node -e 'process.exit(Number(parseInt(process.versions.node) < 20))'; }

# install_test_tools: those of TEST_TOOLS that are missing, as root on Debian and Ubuntu; 1 when some are still missing.
install_test_tools() {
    local tool missing=()
    for tool in "${TEST_TOOLS[@]}"; do
        command -v "${tool%%:*}" >/dev/null || [ -d "${tool%%:*}" ] || missing+=("${tool#*:}")
    done
    # Emacs has it since 29.
    compgen -G '/usr/share/emacs/*/lisp/progmodes/eglot.el*' >/dev/null ||
        compgen -G '/usr/share/emacs/site-lisp/elpa*/eglot-*' >/dev/null || missing+=(elpa-eglot)
    if [ ${#missing[@]} -gt 0 ]; then
        if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
            say "not installed, and not tested with: ${missing[*]} (names as in Debian)"
            return 1
        fi
        say "installing ${missing[*]}"
        { apt-get update -q &&
            DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >&2
    fi
    have_node || { say "not tested: the extension of VS Code, which needs npm and Node 20 or newer"; return 1; }
}

# clang_package: the newest clang that the distribution has and that is known to compile the templates.
clang_package() {
    local name
    if command -v apt-cache >/dev/null; then
        apt-get update -q >/dev/null 2>&1 || true
        for name in clang-19 clang-18 clang-17; do
            if apt-cache show "$name" >/dev/null 2>&1; then
                echo "$name"
                return
            fi
        done
    fi
    echo clang
}

# make_environment FOLDER EXTRA: kfuncgen from CHECKOUT in the virtual environment FOLDER; EXTRA as in `.[dev]`.
make_environment() {
    local folder=$1 extra=$2
    if [ ! -x "$folder/bin/python" ]; then
        say "making a Python environment in $folder"
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "Python 3.11 or newer is needed"
        python3 -m venv "$folder"
    fi
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$CHECKOUT$extra" >&2
}

# can_load: CAP_BPF (39) or CAP_SYS_ADMIN (21), on a kernel with BTF. Root in a container often has neither.
can_load() {
    local effective
    effective=$((16#$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)))
    [ -r /sys/kernel/btf/vmlinux ] && ((effective >> 39 & 1 || effective >> 21 & 1))
}
