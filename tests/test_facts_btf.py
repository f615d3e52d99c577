"""BTF to prototypes: what is read, and that no file makes it fall over."""

from __future__ import annotations

import gzip
import lzma
import random
import struct
from pathlib import Path

import pytest
from btf_builder import CONST, ENUM, FUNC_PROTO, PTR, TYPE_TAG, TYPEDEF, Builder

from kfuncgen.diagnostic import UsageError
from kfuncgen.facts.btf import Btf, read_btf
from kfuncgen.facts.origins import from_btf
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.normalise import normalised


def kernel() -> Builder:
    """A kernel's BTF with four kfuncs and one function that is none."""
    b = Builder()
    u32 = b.add(TYPEDEF, "u32", b.integer("unsigned int"))
    long = b.integer("long unsigned int")
    task = b.structure("task_struct")
    pointer = b.add(PTR, target=task)
    const = b.add(PTR, target=b.add(CONST, target=task))
    tagged = b.add(PTR, target=b.add(TYPE_TAG, "rcu", task))
    less = b.add(PTR, target=b.add(FUNC_PROTO, "", u32, struct.pack("<IIII", 0, pointer, 0, const), 2))
    table = b.add(3, extra=struct.pack("<III", u32, long, 4))
    b.function("demo_get", pointer, ("id", u32), ("flags__irq_flag", b.add(PTR, target=long)))
    b.function("demo_all", 0)
    b.function("demo_sort", u32, ("less", less), ("p__rcu", tagged), ("own", b.add(CONST, target=pointer)))
    b.function("demo_table", u32, ("t", b.add(PTR, target=table)), ("", 0))
    b.function("plain", u32, tagged=False)
    b.add(ENUM, "btf_kfunc_hook", 4, struct.pack("<IiIi", b.name("A"), 0, b.name("B"), -7), 2)
    return b


def test_prototypes_are_the_kernels_c(tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(kernel().data())
    btf = read_btf(tmp_path / "vmlinux")
    assert btf.kfuncs() == {
        "demo_all": "void demo_all(void)",
        "demo_get": "struct task_struct *demo_get(u32 id, unsigned long *flags__irq_flag)",
        "demo_sort": (
            "u32 demo_sort(u32 (*less)(struct task_struct *, const struct task_struct *), "
            "struct task_struct *p__rcu, struct task_struct *const own)"
        ),
        "demo_table": "u32 demo_table(u32 (*t)[4], ...)",
    }
    assert btf.enum("btf_kfunc_hook") == {"A": 0, "B": -7}
    assert btf.enum("no_such") == {}
    assert "plain" in btf.functions()


def split() -> tuple[bytes, bytes]:
    base = kernel()
    module = Builder(base.next, len(base.names))
    module.function("mod_get", 5, ("id", 2))  # types 5 and 2 are the kernel's
    return base.data(), module.data()


def test_a_module_builds_on_the_kernel(tmp_path: Path) -> None:
    base, module = split()
    (tmp_path / "vmlinux").write_bytes(base)
    (tmp_path / "mod").write_bytes(module)
    facts = from_btf(tmp_path / "mod", Kernel(6, 12), tmp_path / "vmlinux")
    (found,) = facts.kfuncs.values()
    assert (found.prototype, found.module) == ("struct task_struct *mod_get(u32 id)", "mod")
    assert not facts.complete
    with pytest.raises(UsageError, match=r"needs the kernel's beside it \(--base\)"):
        read_btf(tmp_path / "mod")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_packed_modules(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    (tmp_path / "m.ko").write_bytes(pack(kernel().data()))
    assert "demo_get" in read_btf(tmp_path / "m.ko").kfuncs()


def elf(**sections: bytes) -> bytes:
    """A 64-bit ELF file with the given sections (`_` for the dot)."""
    names = b"\0" + b"".join(name.replace("_", ".").encode() + b"\0" for name in sections) + b".shstrtab\0"
    body, heads, at, name_at = b"", b"\0" * 64, 64, 1
    for name, data in [*sections.items(), (".shstrtab", names)]:
        kind = 3 if name == ".shstrtab" else 1
        heads += struct.pack("<IIQQQQIIQQ", name_at, kind, 0, 0, at, len(data), 0, 0, 1, 0)
        body, at, name_at = body + data, at + len(data), name_at + len(name) + 1
    ident = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    head = struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, at, 0, 64, 0, 0, 64, len(sections) + 2, len(sections) + 1)
    return ident + head + body + heads


def test_elf_files(tmp_path: Path) -> None:
    base, module = split()
    (tmp_path / "vmlinux").write_bytes(elf(_BTF=base))
    assert len(read_btf(tmp_path / "vmlinux").kfuncs()) == 4
    (tmp_path / "m.ko").write_bytes(elf(_BTF=module, _BTF_base=base))
    assert list(read_btf(tmp_path / "m.ko").kfuncs()) == ["mod_get"], "with the types of the kernel that it needs"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no BTF"),
        (b"int f(void);\n", "holds no BTF"),
        (b"\x28\xb5\x2f\xfd....", "packed by zstd"),
        (b"\x1f\x8b\x08 no gzip", "cannot be read"),
        (b"\xfd7zXZ no xz", "cannot be read"),
        (b"\x7fELF", "damaged ELF file"),
        (elf(_text=b"x"), "no .BTF section"),
        (elf(_BTF=b"xx"), "holds no BTF"),
        (kernel().data()[:200], "malformed BTF"),
        (struct.pack("<HBBIIIII", 0xEB9F, 2, 0, 24, 0, 0, 0, 1) + b"\0", "not BTF version 1"),
        (
            struct.pack("<HBBIIIIIIII", 0xEB9F, 1, 0, 24, 0, 12, 12, 1, 0, 31 << 24, 0) + b"\0",
            "kind 31 is unknown",
        ),
        (struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 1) + b"\0", "no function with the tag bpf_kfunc"),
    ],
)
def test_what_is_no_btf_is_refused_in_one_line(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(UsageError, match=message) as caught:
        from_btf(tmp_path / "f", Kernel(6, 12))
    assert str(caught.value).startswith(str(tmp_path / "f"))
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none", "does not exist"), (tmp_path, "is no file")):
        with pytest.raises(UsageError, match=message):
            read_btf(path)
    (tmp_path / "b").write_bytes(kernel().data())
    with pytest.raises(UsageError, match="BTF does not tell its kernel; name it with --kernel"):
        from_btf(tmp_path / "b")


def test_types_that_contain_themselves_end(tmp_path: Path) -> None:
    b = Builder()
    b.function("f", 3)
    b.add(PTR, target=b.next)  # a pointer to itself is type 4; 3 is the tag of `f`
    data = Builder()
    loop = data.add(PTR, target=1)
    data.function("f", loop)
    with pytest.raises(UsageError, match="malformed BTF"):
        Btf(data.data(), "loop").kfuncs()
    with pytest.raises(UsageError, match="malformed BTF"):
        Btf(b.data(), "tag as a type").kfuncs()


def test_damage_is_a_usage_error_or_harmless() -> None:
    whole = kernel().data()
    rng = random.Random(7)
    refused = 0
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            Btf(bytes(data[: rng.randint(len(data) // 2, len(data))]), "f").kfuncs()
        except UsageError:
            refused += 1
    assert refused > 500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("static __bpf_kfunc int f(long unsigned int  a);", "int f(unsigned long a)"),
        ("void f(void)", "void f()"),
        (
            "int f(void *map, int (cb)(void *map, int *key, void *value))",
            "int f(void *map, int (*cb)(void *, int *, void *))",
        ),
        ("int f(u32 a[4], struct s __rcu *p)", "int f(u32 *a, struct s *p)"),
        ("char const *f(unsigned a)", "const char *f(unsigned int a)"),
        ("int f(const size_t n__sz, const enum e type)", "int f(const size_t n__sz, const enum e  type)"),
    ],
)
def test_one_spelling(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    "other",
    ["int f(u32 b)", "int f(u32 a, u32 b)", "int f(u64 a)", "u32 f(u32 a)", "int f(const u32 a)", "int f(u32 *a)"],
)
def test_different_prototypes_differ(other: str) -> None:
    assert normalised("int f(u32 a)") != normalised(other)


def test_tags_of_members_that_point_to_structs() -> None:
    btf = Builder()
    target = btf.structure("target")
    number = btf.integer("int")
    rcu = btf.add(PTR, target=btf.add(TYPE_TAG, "rcu", target))
    twice = btf.add(PTR, target=btf.add(TYPE_TAG, "user", btf.add(TYPE_TAG, "rcu", btf.add(CONST, target=target))))
    text = btf.add(PTR, target=btf.add(TYPE_TAG, "user", number))
    plain = btf.add(PTR, target=target)
    nothing = btf.add(PTR)
    inner = btf.structure("", ("deep", rcu))
    btf.structure(
        "outer", ("rcu", rcu), ("twice", twice), ("text", text), ("plain", plain), ("none", nothing), ("", inner)
    )
    read = Btf(btf.data(), "tags.btf")
    assert read.type_tags() == {"rcu", "user"}
    assert read.tagged_members() == {("outer", "rcu", "rcu"), ("outer", "twice", "user"), ("outer", "deep", "rcu")}


def test_structs_that_contain_themselves_end() -> None:
    btf = Builder()
    btf.structure("outer", ("", 2))
    btf.structure("", ("", 2))
    with pytest.raises(UsageError, match="malformed BTF: a struct's members"):
        Btf(btf.data(), "loop.btf").tagged_members()
