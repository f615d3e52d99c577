"""Dynptrs over memory, ring buffers and packets; slices of them."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.objects import inner
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, If, Line, lines


def _used(m: Maker, dynptr: str, kind: str) -> Block:
    """What is done with a dynptr: sizes, reads, writes, slices, clones."""
    made: Block = []
    for _ in range(m.random.randint(1, 3)):
        made += _use(m, dynptr, kind)
        if m.budget > 0 and m.chance(0.3):
            made += m.block(1)
    return made


def _use(m: Maker, dynptr: str, kind: str) -> Block:
    how = m.random.randrange(9)
    if how < 2:
        return lines(m.pick((
            f"sink = bpf_dynptr_size(&{dynptr});",
            f"sink = bpf_dynptr_is_null(&{dynptr});",
            f"sink = bpf_dynptr_adjust(&{dynptr}, 0, 8);",
        )))  # fmt: skip
    if how == 2:
        room = m.local("u64", "room", "0")
        return lines(f"sink = bpf_dynptr_read(&{room}, sizeof({room}), &{dynptr}, 0, 0);", f"sink = {room};")
    if how == 3:
        room = m.local("u64", "room", "1")
        return lines(f"sink = bpf_dynptr_write(&{dynptr}, 0, &{room}, sizeof({room}), 0);")
    if how == 4 and kind in ("mem", "ring"):
        return taken(m, "mem", f"bpf_dynptr_data(&{dynptr}, 0, 8)", (), lambda v: inner(m, v))
    if how == 5:
        clone = m.local("struct bpf_dynptr", "dyn")
        return [*lines(f"bpf_dynptr_clone(&{dynptr}, &{clone});"), *_use(m, m.pick((clone, dynptr)), kind)]
    if how == 6 and kind == "mem":
        return lines(f"sink = bpf_dynptr_memset(&{dynptr}, 0, 8, 1);")
    if kind == "xdp" and how == 7:
        return lines(m.pick(("sink = bpf_xdp_adjust_head(ctx, 0);", "sink = bpf_xdp_pull_data(ctx, 14);")))
    if kind == "skb" and how == 7 and m.can("tc"):
        return lines("sink = bpf_skb_pull_data(ctx, 14);")
    writable = m.can("packet")
    name = m.pick(("bpf_dynptr_slice", "bpf_dynptr_slice_rdwr")) if writable else "bpf_dynptr_slice"
    short, ctype = ("eth", "struct ethhdr") if kind in ("skb", "xdp") else ("mem", "u64")
    room = m.local(ctype, "room", "{}" if short == "eth" else "0")
    trust = "owned" if name.endswith("rdwr") else "rdonly"
    call = f"{name}(&{dynptr}, 0, {m.pick((f'&{room}', f'&{room}', 'NULL'))}, sizeof({room}))"
    return taken(m, short, call, (), lambda v: inner(m, v), trust)


def _main(m: Maker) -> bool:
    return m.function is m.tree.main


@production(4)
def local(m: Maker) -> Block:
    """A dynptr over memory of a global or of a map's value."""
    dynptr = m.local("struct bpf_dynptr", "dyn")
    if m.chance(0.6):
        return [Line(f"bpf_dynptr_from_mem(bytes, sizeof(bytes), 0, &{dynptr});"), *_used(m, dynptr, "mem")]
    key = m.local("u32", "at", m.key())

    def over(value: Value) -> Block:
        made = f"bpf_dynptr_from_mem({value.name}, sizeof(*{value.name}), 0, &{dynptr});"
        return [Line(made), *_used(m, dynptr, "mem")]

    return taken(m, "counter", f"bpf_map_lookup_elem(&tallies, &{key})", (), over)


@production(4)
def ring(m: Maker) -> Block:
    """A dynptr over a record of a ring buffer: always submitted or discarded."""
    dynptr = m.local("struct bpf_dynptr", "dyn")
    end = m.pick((f"bpf_ringbuf_submit_dynptr(&{dynptr}, 0);", f"bpf_ringbuf_discard_dynptr(&{dynptr}, 0);"))
    reserve = f"bpf_ringbuf_reserve_dynptr(&ring, {m.pick(('16', 'sizeof(struct event)'))}, 0, &{dynptr})"
    made: Block = [Line(f"{reserve};")]
    if m.chance(0.4):
        made = [If(reserve, [*lines(end), *m.leave()], [])]
    with m.holding(end):
        inside = _used(m, dynptr, "ring")
    return [*made, *inside, *lines(end)]


@production(7, "xdp", outside="another")
def xdp(m: Maker) -> Block:
    """A dynptr over a packet of XDP."""
    if not _main(m):
        return []
    return _packet(m, "xdp")


@production(6, "skb", outside="another")
def skb(m: Maker) -> Block:
    """A dynptr over a packet."""
    if not _main(m):
        return []
    return _packet(m, "skb")


def _packet(m: Maker, kind: str) -> Block:
    dynptr = m.local("struct bpf_dynptr", "dyn")
    call = f"bpf_dynptr_from_{kind}(ctx, 0, &{dynptr})"
    made: Block = [Line(f"{call};")]
    if m.chance(0.4):
        made = [If(call, m.leave(), [])]
    return [*made, *_used(m, dynptr, kind)]


@production(3, "crypt", outside="another")
def encrypted(m: Maker) -> Block:
    """A packet is encrypted with a context that a map keeps."""
    if not _main(m) or not m.in_rcu:
        return []
    key, source, target = (
        m.local("u32", "at", m.key()),
        m.local("struct bpf_dynptr", "dyn"),
        m.local("struct bpf_dynptr", "dyn"),
    )
    kind = "xdp" if m.can("xdp") else "skb"

    def with_slot(slot: Value) -> Block:
        def with_context(value: Value) -> Block:
            return [
                Line(f"bpf_dynptr_from_{kind}(ctx, 0, &{source});"),
                Line(f"bpf_dynptr_from_mem(bytes, sizeof(bytes), 0, &{target});"),
                Line(f"sink = bpf_crypto_encrypt({value.name}, &{source}, &{target}, NULL);"),
            ]

        return taken(m, "crypto", f"{slot.name}->crypto", (), with_context, "rcu")

    return taken(m, "mslot", f"bpf_map_lookup_elem(&mslots, &{key})", (), with_slot)
