"""Objects of the kernel that are taken and given back, and what is done with them meanwhile."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, If, Line, lines


def inner(m: Maker, value: Value) -> Block:
    """What is done with a value while it is there: uses of it among other things."""
    made: Block = []
    for _ in range(m.random.randint(0, 2)):
        made += use(m, value)
    made += m.block() if m.budget > 0 and m.chance(0.6) else []
    if m.chance(0.3):
        made += use(m, value)
    return made or use(m, value)


def use(m: Maker, value: Value) -> Block:
    """One use of a value."""
    v = value.name
    texts: list[str] = []
    if value.type == "task":
        texts = [f"sink = {v}->pid;", f"sink = {v}->tgid + {v}->flags;", f"sink = {v}->comm[2];"]
        if m.in_rcu or value.trust == "trusted":
            texts += [f"sink = {v}->group_leader->pid;", f"sink = {v}->real_parent->tgid;"]
        if m.can("generic") and not m.inside("lock"):
            texts += [f"sink = bpf_send_signal_task({v}, 10, PIDTYPE_PID, 0);"] if value.trust != "rcu" else []
            cgrp = m.find("cgrp")
            texts += [f"sink = bpf_task_under_cgroup({v}, {cgrp.name});"] * 3 if cgrp is not None else []
    elif value.type == "cgrp":
        texts = [f"sink = {v}->level;", f"sink = {v}->self.id;", f"sink = {v}->kn->id;"]
    elif value.type == "mask":
        texts = [
            f"bpf_cpumask_set_cpu({m.pick(('0', '1', 'knob'))}, {v});",
            f"sink = bpf_cpumask_test_cpu(0, (const struct cpumask *){v});",
            f"sink = bpf_cpumask_first((const struct cpumask *){v});",
        ]
        other = m.find("mask")
        if other is not None:
            texts.append(f"bpf_cpumask_copy({v}, (const struct cpumask *){other.name});")
        task = m.find("task", "trusted", "owned")
        if task is not None and m.in_rcu:
            texts += [f"bpf_cpumask_copy({v}, {task.name}->cpus_ptr);"] * 2
    elif value.type == "key":
        texts = [f"sink = {v}->has_ref;"]
    elif value.type == "xfrm":
        texts = [f"sink = {v}->props.mode;", f"sink = {v}->id.spi;", f"sink = {v}->lft.hard_use_expires_seconds;"]
    elif value.type == "conn":
        texts = [f"sink = {v}->status;", f"sink = bpf_ct_change_timeout({v}, 10);", f"{v}->mark = 3;"]
        texts = texts if not m.inside("lock") else texts[:1]
    elif value.type == "init":
        texts = [f"bpf_ct_set_timeout({v}, 10);", f"sink = bpf_ct_set_status({v}, 2);"]
    elif value.type == "sk":
        texts = [f"sink = {v}->family;", f"sink = {v}->src_port;", f"sink = {v}->state;"]
        if m.can("tc") and m.chance(0.3):
            tp = m.variable("tp")
            test = If(tp, lines(f"sink = {tp}->snd_cwnd;"), [])
            return [Line(f"{tp} = bpf_tcp_sock({v});"), test]
    elif value.type == "event":
        texts = [f"{v}->kind = 3;", f"{v}->pid = knob;", f"{v}->time = 7;", f"sink = {v}->kind;"]
    elif value.type == "crypto":
        texts = [f"sink = (long){v} != 0;"]
    elif value.type == "counter":
        texts = [
            f"{v}->hits++;",
            f"{v}->misses = knob;",
            f"sink = {v}->hits;",
            f"__sync_fetch_and_add(&{v}->hits, 1);",
        ]
    elif value.type in ("plain", "item", "leaf", "shared"):
        texts = [f"{v}->key = knob;", f"sink = {v}->key;"]
    elif value.type == "sock":
        texts = [f"sink = {v}->sk_rcvbuf;", f"sink = {v}->__sk_common.skc_family;"]
    elif value.type == "vma":
        texts = [f"sink = {v}->vm_start;", f"sink = {v}->vm_flags;"]
    elif value.type == "css":
        texts = [f"sink = {v}->id;", f"sink = {v}->flags;"]
    elif value.type == "cache":
        texts = [f"sink = {v}->size;"]
    elif value.type == "num":
        texts = [f"sink = *{v};", f"sink += *{v};"]
    elif value.type == "eth":
        texts = [f"sink = {v}->h_proto;", f"sink = {v}->h_dest[1];"]
    elif value.type == "mem":
        texts = [f"sink = *{v};", f"*{v} = 3;"] if value.trust == "owned" else [f"sink = *{v};"]
    return lines(m.pick(texts)) if texts else []


def a_task(m: Maker) -> Value | None:
    """A task that may be acquired here."""
    return m.find("task", "owned", "trusted", "rcu")


@production(9, "generic")
def task(m: Maker) -> Block:
    """A task is found, or acquired once more."""
    call = m.pick((f"bpf_task_from_pid({m.integer()})", "bpf_task_from_pid(1)", "bpf_task_from_vpid(knob)"))
    known = a_task(m)
    if known is not None and m.chance(0.7):
        call = f"bpf_task_acquire({known.name})"
    return taken(m, "task", call, ("bpf_task_release(<>);",), lambda v: inner(m, v))


@production(5, "generic")
def cgroup(m: Maker) -> Block:
    """A cgroup is found, or acquired once more."""
    call = m.pick(("bpf_cgroup_from_id(1)", f"bpf_cgroup_from_id({m.integer()})"))
    known, task = m.find("cgrp", "owned", "trusted", "rcu"), a_task(m)
    if known is not None and m.chance(0.6):
        call = m.pick((f"bpf_cgroup_acquire({known.name})", f"bpf_cgroup_ancestor({known.name}, 1)"))
    elif task is not None and m.chance(0.5):
        call = f"bpf_task_get_cgroup1({task.name}, 1)"
    return taken(m, "cgrp", call, ("bpf_cgroup_release(<>);",), lambda v: inner(m, v))


@production(4, "cpumask")
def mask(m: Maker) -> Block:
    """A set of CPUs."""
    known = m.find("mask", "owned")
    ends = ("bpf_cpumask_release(<>);",)
    if known is not None and m.chance(0.5):
        call = f"bpf_cpumask_acquire({known.name})"
        return taken(m, "mask", call, ends, lambda v: inner(m, v), nullable=m.chance(0.3))
    return taken(m, "mask", "bpf_cpumask_create()", ends, lambda v: inner(m, v))


@production(2, "generic")
def key(m: Maker) -> Block:
    """A key."""
    call = "bpf_lookup_system_key(0)"
    if m.sleeps and m.chance(0.6):
        call = f"bpf_lookup_user_key({m.integer()}, 0)"
    return taken(m, "key", call, ("bpf_key_put(<>);",), lambda v: inner(m, v))


@production(3, "syscall")
def crypto(m: Maker) -> Block:
    """A cryptographic context."""
    known = m.find("crypto", "owned")
    ends = ("bpf_crypto_ctx_release(<>);",)
    if known is not None:
        return taken(m, "crypto", f"bpf_crypto_ctx_acquire({known.name})", ends, lambda v: inner(m, v))
    if not m.sleeps or m.function is not m.tree.main:
        return []
    params = m.local("struct bpf_crypto_params", "params", '{ .type = "skcipher", .key_len = 16 }')
    error = m.local("int", "error", "0")
    call = f"bpf_crypto_ctx_create(&{params}, sizeof({params}), {m.pick((f'&{error}', f'&{error}', 'NULL'))})"
    return taken(m, "crypto", call, ends, lambda v: inner(m, v))


@production(6, "xdp", outside="another")
def xfrm(m: Maker) -> Block:
    """The state of an IPsec connection."""
    if m.function is not m.tree.main:
        return []
    opts = m.local(
        "struct bpf_xfrm_state_opts", "opts", "{ .netns_id = BPF_F_CURRENT_NETNS, .proto = 50, .family = 2 }"
    )
    call = f"bpf_xdp_get_xfrm_state(ctx, &{opts}, sizeof({opts}))"
    made = taken(m, "xfrm", call, ("bpf_xdp_xfrm_state_release(<>);",), lambda v: inner(m, v))
    return [*made, Line(f"sink = {opts}.error;")]


@production(6, "packet sk", outside="another")
def connection(m: Maker) -> Block:
    """A tracked connection: found, or made and inserted."""
    if m.function is not m.tree.main or not (m.can("xdp") or m.can("tc")):
        return []
    where = "xdp" if m.can("xdp") else "skb"
    opts = m.local("struct bpf_ct_opts", "opts", "{ .netns_id = BPF_F_CURRENT_NETNS, .l4proto = 6 }")
    tuple_ = m.local("struct bpf_sock_tuple", "tuple", "{}")
    size = m.pick((f"sizeof({opts})", "12"))
    what = f"(ctx, &{tuple_}, sizeof({tuple_}.{m.pick(('ipv4', 'ipv6'))}), &{opts}, {size})"
    ends = ("bpf_ct_release(<>);",)
    told = Line(f"sink = {opts}.error;")
    if m.chance(0.6):
        return [*taken(m, "conn", f"bpf_{where}_ct_lookup{what}", ends, lambda v: inner(m, v)), told]
    fresh = m.variable("init")
    value = Value("init", fresh, "owned")
    before = [statement for _ in range(m.random.randint(0, 2)) for statement in use(m, value)]
    insert = taken(m, "conn", f"bpf_ct_insert_entry({fresh})", ends, lambda v: inner(m, v))
    made: Block = [Line(f"{fresh} = bpf_{where}_ct_alloc{what};")]
    if m.chance(0.5):
        return [*made, If(fresh, [*before, *insert], []), told]
    return [*made, If(f"!{fresh}", m.leave(), []), *before, *insert, told]


@production(5, "sk", outside="another")
def socket(m: Maker) -> Block:
    """A socket is looked up."""
    if m.function is not m.tree.main or not (m.can("xdp") or m.can("skb")):
        return []
    tuple_ = m.local("struct bpf_sock_tuple", "tuple", "{}")
    name = m.pick(("bpf_sk_lookup_tcp", "bpf_sk_lookup_udp", "bpf_skc_lookup_tcp"))
    call = f"{name}(ctx, &{tuple_}, sizeof({tuple_}.ipv4), BPF_F_CURRENT_NETNS, 0)"
    return taken(m, "sk", call, ("bpf_sk_release(<>);",), lambda v: inner(m, v))


@production(6)
def record(m: Maker) -> Block:
    """A record of a ring buffer: whoever reserves it submits or discards it."""
    ends = (m.pick(("bpf_ringbuf_submit(<>, 0);", "bpf_ringbuf_discard(<>, 0);")),)
    return taken(m, "event", "bpf_ringbuf_reserve(&ring, sizeof(struct event), 0)", ends, lambda v: inner(m, v))


@production(3, "tasks")
def current(m: Maker) -> Block:
    """The current task."""
    name = m.variable("task")
    m.known.append(Value("task", name, "trusted"))
    return lines(f"{name} = bpf_get_current_task_btf();")


@production(3, "tasks")
def parent(m: Maker) -> Block:
    """A field of a task that RCU protects."""
    known = m.find("task", "trusted", "owned")
    if known is None or not m.in_rcu:
        return []
    name = m.variable("task")
    value = Value("task", name, "rcu")
    made = lines(f"{name} = {known.name}->{m.pick(('real_parent', 'group_leader'))};")
    with m.holding(value=value):
        return [*made, *inner(m, value)]


@production(3, "iter_task", outside="another")
def iterated(m: Maker) -> Block:
    """What a program of an iterator is called for: it may be NULL at the end."""
    if m.function is not m.tree.main:
        return []
    return taken(m, "task", "ctx->task", (), lambda v: inner(m, v), "trusted")


@production(3, "iter_cgroup", outside="another")
def iterated_cgroup(m: Maker) -> Block:
    """The cgroup that a program of an iterator is called for."""
    if m.function is not m.tree.main:
        return []
    return taken(m, "cgrp", "ctx->cgroup", (), lambda v: inner(m, v), "trusted")


@production(2)
def core_cast(m: Maker) -> Block:
    """A field read by way of a cast that promises nothing."""
    known = m.find("task")
    if known is None:
        return []
    texts = (
        f"sink = ((struct task_struct *)bpf_rdonly_cast({known.name}, "
        "bpf_core_type_id_kernel(struct task_struct)))->pid;",
        f"sink = BPF_CORE_READ({known.name}, real_parent, pid);",
    )
    return lines(m.pick(texts))
