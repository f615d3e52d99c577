"""Kernel sources to kfuncs: trees of the forms that kernels use, and Debian's 6.12 where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.diagnostic import UsageError
from kfuncgen.facts.check import compare
from kfuncgen.facts.definitions import declarations, find_definition, without_comments
from kfuncgen.facts.source import read_source
from kfuncgen.records import replace
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Change, Kernel

DEBIAN = [Path("/usr/src/linux-source-6.1"), Path("/usr/src/linux-source-6.12")]

MODULE = """
#include <linux/btf.h>
#include <net/list.h>
/* __bpf_kfunc int commented_out(void) { } */
__bpf_kfunc_start_defs();

__bpf_kfunc struct demo *
demo_get(u32 id, const struct demo_opts *opts, // the key
	u32 opts__sz)
{
	return demo_find(id);
}
__bpf_kfunc void demo_put(struct demo *d)
{
	demo_put(d);
}
__bpf_kfunc_end_defs();
static noinline int demo_set_callback(struct demo *d, int (callback_fn)(void *map, int *key), void __user *p__ign)
{
	return 0;
}

BTF_KFUNCS_START(demo_ids)
BTF_ID_FLAGS(func, demo_get,
	KF_RET_NULL | KF_ACQUIRE)
BTF_ID_FLAGS(func, demo_put, KF_RELEASE)
#ifdef CONFIG_DEMO_MORE
BTF_ID_FLAGS(func, demo_set_callback)
#endif
BTF_KFUNCS_END(demo_ids)

static const struct btf_kfunc_id_set demo_set = {
	.owner = THIS_MODULE,
	.set = &demo_ids,
	.filter = demo_filter,
};

BTF_SET8_START(listed_ids)
#define DEMO_LIST(_, name) BTF_ID_FLAGS(func, name, KF_TRUSTED_ARGS)
DEMO_LIST_ALL
#undef DEMO_LIST
BTF_SET8_END(listed_ids)
static const struct btf_kfunc_id_set listed_set = { .set = &listed_ids };
BTF_KFUNCS_START(unregistered)
BTF_ID_FLAGS(func, demo_unregistered)
BTF_KFUNCS_END(unregistered)

static int __init demo_init(void)
{
	int ret = register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &demo_set);

	ret = ret ?: register_btf_kfunc_id_set(BPF_PROG_TYPE_LSM, &demo_set);
	ret = ret ?: register_btf_kfunc_id_set(BPF_PROG_TYPE_XDP,
		&listed_set);
	return ret ?: register_btf_fmodret_id_set(&listed_set);
}
"""
HEADER = "#define DEMO_LIST_ALL \\\n\tDEMO_LIST(A, demo_one) \\\n\tDEMO_LIST(B, demo_two)\n"


def tree(folder: Path, makefile: str = "VERSION = 6\nPATCHLEVEL = 9\nSUBLEVEL = 1\n") -> Path:
    for name, text in {
        "net/demo.c": MODULE,
        "net/other.c": "int demo_two(void)\n{\n\treturn demo_one();\n}\n__bpf_kfunc int demo_one(void) { }\n",
        "include/net/list.h": HEADER,
        "Makefile": makefile,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_sets_hooks_flags_filters_and_prototypes(tmp_path: Path) -> None:
    facts = read_source(tree(tmp_path))
    assert str(facts.kernel) == "6.9"
    found = facts.kfuncs
    assert set(found) == {"demo_get", "demo_put", "demo_set_callback", "demo_one", "demo_two"}
    get = found["demo_get"]
    assert get.hooks == {"TC": ("KF_ACQUIRE", "KF_RET_NULL"), "TRACING": ("KF_ACQUIRE", "KF_RET_NULL")}
    assert get.prototype == "struct demo *demo_get(u32 id, const struct demo_opts *opts, u32 opts__sz)"
    assert (get.filter, get.place) == ("demo_filter", "net/demo.c:8")
    assert found["demo_put"].prototype == "void demo_put(struct demo *d)"
    callback = found["demo_set_callback"]
    assert callback.hooks == {"TC": (), "TRACING": ()}
    assert (
        callback.prototype
        == "int demo_set_callback(struct demo *d, int (callback_fn)(void *map, int *key), void *p__ign)"
    )
    assert found["demo_one"].hooks == {"XDP": ("KF_TRUSTED_ARGS",), "FMODRET": ("KF_TRUSTED_ARGS",)}
    assert (found["demo_one"].prototype, found["demo_two"].prototype) == (
        "int demo_one(void)",
        "int demo_two(void)",
    )


def test_hooks_are_those_of_the_tree(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "kernel/bpf").mkdir(parents=True)
    (tmp_path / "kernel/bpf/btf.c").write_text(
        "static int bpf_prog_type_to_kfunc_hook(enum bpf_prog_type prog_type)\n{\n\tswitch (prog_type) {\n"
        "\tcase BPF_PROG_TYPE_SCHED_CLS:\n\tcase BPF_PROG_TYPE_XDP:\n\t\treturn BTF_KFUNC_HOOK_XDP;\n\t}\n}\n"
    )
    found = read_source(tmp_path).kfuncs
    assert list(found["demo_get"].hooks or ()) == ["XDP"], "LSM has no hook in this kernel"


def test_a_folder_that_is_no_kernel_needs_its_version(tmp_path: Path) -> None:
    folder = tree(tmp_path, "obj-m += demo.o\n")
    with pytest.raises(UsageError, match=r"no Makefile with VERSION\); name its kernel with --kernel"):
        read_source(folder)
    assert str(read_source(folder, Kernel(6, 10)).kernel) == "6.10"


def test_folders_without_kfuncs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_source(tmp_path / "none", Kernel(6, 10))
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UsageError, match="registers no kfuncs"):
        read_source(tmp_path, Kernel(6, 10))
    with pytest.raises(UsageError, match="is no folder"):
        read_source(tmp_path / "a.c", Kernel(6, 10))


def test_strange_bytes_are_no_obstacle(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    (folder / "net/bad.c").write_bytes(
        b"BTF_KFUNCS_START(\xff\xfe((((( BTF_ID_FLAGS(func, /* never closed " + b"(" * 9000
    )
    (folder / "net/link.c").symlink_to("no such file")
    assert len(read_source(folder).kfuncs) == 5


def test_declarations() -> None:
    text = without_comments(
        "extern int a(u32 x) __ksym; /* int no(void); */\nvoid *b(void);\n#define m(x) f(x)\n"
        'static inline int c(void)\n{\n\treturn a(1) + d(2);\n}\nchar *s = "int e(void);";\n'
    )
    assert declarations(text) == {"a": "int a(u32 x)"}, "the one that is marked"
    plain = text.replace("__ksym", "")
    assert declarations(plain) == {"a": "int a(u32 x)", "b": "void *b(void)", "c": "int c(void)"}
    assert find_definition(text, "a", ";") == ("int a(u32 x)", 1)
    assert find_definition(text, "c") == ("int c(void)", 4)
    assert find_definition(text, "d", ";") is None


@pytest.mark.slow
@pytest.mark.parametrize("folder", DEBIAN, ids=lambda folder: folder.name)
def test_the_specs_agree_with_the_sources_of_kernels(folder: Path) -> None:
    if not (folder / "kernel/bpf/btf.c").is_file():
        pytest.skip(f"{folder.name} is not unpacked")
    facts = read_source(folder)
    comparison = compare(load_builtin(), facts)
    assert comparison.differences == ()
    assert comparison.compared > 60
    specs, name = load_builtin(), "bpf_lookup_user_key"
    function = specs.functions[name]
    broken = replace(function, changes=(*function.changes, Change(facts.kernel, flags=("KF_ACQUIRE",))))
    changed = replace(specs, functions={**specs.functions, name: broken})
    assert [(d.name, d.kind) for d in compare(changed, facts).differences] == [(name, "flags")]


@pytest.mark.parametrize(
    "text",
    [
        "a(" * 100_000,
        "/* " * 100_000,
        "__bpf_kfunc " * 20_000,
        "BTF_KFUNCS_START(x)\n" * 20_000,
        "f(int a) __ksym " * 9000,
    ],
    ids=["calls", "comments", "marks", "sets", "externs"],
)
def test_text_that_goes_on_and_on_comes_to_an_end(text: str, tmp_path: Path) -> None:
    """Each took minutes when it was read again from every place in it."""
    assert declarations(text) == {}
    (tmp_path / "a.c").write_text(text + " btf_kfunc_id_set")
    with pytest.raises(UsageError, match="registers no kfuncs"):
        read_source(tmp_path, Kernel(6, 12))
