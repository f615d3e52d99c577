# shellcheck shell=bash
# Part of action.yml: its inputs, which come through the environment, as the arrays `paths` and `options`.

# words NAME TEXT: the array NAME with the words of TEXT, which may be quoted.
words() {
    local -n into=$1
    into=()
    if ! xargs true <<<"$2" 2>/dev/null; then
        echo "::error title=kfuncgen::a quote is not closed: $2"
        exit 2
    fi
    # shellcheck disable=SC2034 # `into` stands for the caller's array
    [ -z "${2//[[:space:]]/}" ] || mapfile -t into < <(xargs -n1 printf '%s\n' <<<"$2")
}

words paths "$KFUNCGEN_PATHS"
words options "$KFUNCGEN_ARGS"
[ -z "$KFUNCGEN_KERNEL" ] || options=(--kernel "$KFUNCGEN_KERNEL" "${options[@]}")
