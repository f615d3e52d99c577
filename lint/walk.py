"""What reading a pointer field yields: children of kernel objects, context fields, kptrs (CONTRACT 2.2 to 2.4).

The verifier has lists of safe fields that give trusted or RCU children (BTF_TYPE_SAFE_* in verifier.c of 6.12 and
6.18). Where the kernel's BTF has type tags (built by clang), `__rcu`, `__user` and `__percpu` of its declarations
count too (check_ptr_to_btf_access()); BTF of most GCC builds has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from kfuncgen.lint import ir
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Pointer, PointerKind, Scalar, Trust, plain_name, scalar_of
from kfuncgen.spec.iterargs import iterator_field
from kfuncgen.spec.progargs import Worth, struct_ops_argument, tracepoint_argument
from kfuncgen.spec.trust import SAFE_RCU, SAFE_RCU_OR_NULL, SAFE_TRUSTED, SAFE_TRUSTED_OR_NULL

_CONTEXT_SOCKETS = frozenset(
    (("bpf_sock_addr", "sk"), ("sk_msg_md", "sk"), ("sk_reuseport_md", "sk"), ("bpf_sockopt", "sk"))
)
"""Sockets of a context that are there always (PTR_TO_SOCKET); the others may be NULL (*_is_valid_access())."""
_TAGGED: Mapping[str, PointerKind] = {"user": "user", "percpu": "percpu"}


_PACKET_WORDS = frozenset(("data", "data_end", "data_meta"))


def kernel_field(
    run: Run, state: State, parent: Pointer, member: ir.Member | None, ctype: Type, path: tuple[ir.Member, ...]
) -> Scalar | Pointer:
    """The value of a field of a kernel object or local object (CONTRACT 2.3)."""
    if not ctype.is_pointer or ctype.target is None:
        return scalar_of(ctype) if ctype.is_integer else ANY
    if ctype.target.kind not in ("struct", "union"):
        return ANY
    name = member.name if member is not None else ""
    origin = f"field {name}" if name else "a field"
    child: Trust = "plain"
    null = False
    kind: PointerKind = "kernel"
    if (parent.trust == "untrusted" and not parent.reference) or any(
        m.struct.kind == "union" and len(m.struct.fields) > 1 for m in path
    ):
        child = "untrusted"
    elif parent.trust in ("trusted", "rcu") or parent.reference:
        key = (_owner(path), name)
        if key in SAFE_TRUSTED:
            child = "trusted"
        elif key in SAFE_TRUSTED_OR_NULL:
            child, null = "trusted", True
        elif run.in_rcu(state):
            if key in SAFE_RCU:
                child = "rcu"
            elif key in SAFE_RCU_OR_NULL or (tag := run.type_tag(*key)) == "rcu":
                child, null = "rcu", True
            else:
                kind = _TAGGED.get(tag, "kernel")
        else:
            child = "untrusted"
    else:
        kind = _TAGGED.get(run.type_tag(_owner(path), name), "kernel")
    return Pointer(kind, ctype.target, null=null, trust=child, origin=origin)


def _owner(path: tuple[ir.Member, ...]) -> str:
    """The struct that a member belongs to; members of anonymous structs count as their outer struct's."""
    return next((plain_name(m.struct.name) for m in reversed(path) if m.struct.name), "")


def context_field(run: Run, member: ir.Member | None, offset: int | None, ctype: Type) -> Scalar | Pointer:
    """A word of the program's context: kernel pointers in BTF-typed programs, numbers elsewhere."""
    info = run.program.info
    args = info.args if info is not None else "unknown"
    attach = info.attach if info is not None else ""
    if args in ("trusted", "plain"):
        trust: Trust = "trusted" if args == "trusted" else "plain"
        if attach == "iter":
            return _iterator_field(info.target if info is not None else "", member, offset, ctype)
        if ctype.size == 8 or ctype.is_pointer:
            target = ctype.target if ctype.is_pointer else None
            struct = target if target is not None and target.kind in ("struct", "union") else None
            worth = _worth(run, offset)
            if worth == "error":
                return ANY
            return Pointer("kernel", struct, null=worth == "null", trust=trust, origin="argument")
        return scalar_of(ctype) if ctype.is_integer else ANY
    name = member.name if member is not None else ""
    if args == "ctx" and name in _PACKET_WORDS:
        return ANY  # declared as numbers of 32 bits; to the verifier pointers of which it does not know more
    if ctype.is_pointer and ctype.target is not None and ctype.target.kind == "struct" and args == "ctx":
        if name in ("sk", "migrating_sk"):
            struct_name = info.ctx_struct if info is not None else ""
            null = (struct_name, name) not in _CONTEXT_SOCKETS
            return Pointer("kernel", ctype.target, null=null, trust="trusted", origin=f"ctx->{name}")
        if info is not None and info.program_type == "BPF_PROG_TYPE_NETFILTER":
            return Pointer("kernel", ctype.target, trust="trusted", origin=f"ctx->{name}")
    return scalar_of(ctype) if ctype.is_integer else ANY


def _iterator_field(target: str, member: ir.Member | None, offset: int | None, ctype: Type) -> Scalar | Pointer:
    """A field of struct bpf_iter__*, or a word behind BPF_PROG()."""
    if offset is None or not (ctype.is_pointer or (ctype.is_integer and ctype.size == 8 and member is None)):
        return scalar_of(ctype) if ctype.is_integer else ANY
    worth = iterator_field(target, offset, member.name if member is not None else "")
    origin = f"ctx->{member.name}" if member is not None else "argument"
    if worth in ("key", "value"):
        return Pointer("memory", null=True, trust="trusted", readonly=worth == "key", origin=origin)
    struct = ctype.target if ctype.target is not None and ctype.target.kind in ("struct", "union") else None
    if ctype.is_pointer and struct is None:
        return ANY
    trust: Trust = "plain" if worth == "plain-or-null" else "trusted"
    return Pointer("kernel", struct, null=worth.endswith("null"), trust=trust, origin=origin)


def _worth(run: Run, offset: int | None) -> Worth:
    """Whether the argument at `offset` of the context may be NULL or an error (btf_ctx_access())."""
    info = run.program.info
    if info is None or offset is None or offset % 8:
        return ""
    if info.attach == "tp_btf":
        return tracepoint_argument(info.target, offset // 8, run.kernel)
    implements = run.module.struct_ops.get(run.program.function.name)
    return struct_ops_argument(*implements, offset // 8, run.kernel) if implements is not None else ""
