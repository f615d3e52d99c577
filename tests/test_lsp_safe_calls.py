"""Completion that inserts whole calls: what editors then have lints clean, compiles, and the kernel takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kernel import compile_bpf, verdicts
from lsp_client import HEAD, Client, applied, complete, place, run
from lsprotocol import types

from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.cached import load_specs

PLAIN = types.ClientCompletionItemOptions()
SNIPPETS = types.ClientCompletionItemOptions(snippet_support=True)


def capabilities(item: types.ClientCompletionItemOptions) -> types.TextDocumentClientCapabilities:
    return types.TextDocumentClientCapabilities(
        completion=types.CompletionClientCapabilities(completion_item=item)
    )


@dataclass(frozen=True)
class Shape:
    """A program with `<>` where the name of the kfunc is written; `own` stands before it at file scope."""

    kfunc: str
    program: str
    own: str = ""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    label: str = ""

    @property
    def text(self) -> str:
        return f"{HEAD}{self.own}{self.program}"


XDP = 'SEC("xdp")\nint prog(struct xdp_md *ctx)\n{\n\t<>\n\treturn XDP_PASS;\n}\n'
TC = 'SEC("tc")\nint prog(struct __sk_buff *skb)\n{\n\t<>\n\treturn 0;\n}\n'
SYSCALL = 'SEC("syscall")\nint prog(void *args)\n{\n\t<>\n\treturn 0;\n}\n'

SHAPES = [
    # references: from nothing, from an argument of the program, from a variable at hand, behind a test
    Shape("bpf_task_from_pid", XDP, has=("if (task) {", "\t\tbpf_task_release(task);")),
    Shape(
        "bpf_task_acquire",
        'SEC("tp_btf/task_newtask")\nint BPF_PROG(prog, struct task_struct *born, u64 flags)\n'
        "{\n\t<>\n\treturn 0;\n}\n",
        "#include <bpf/bpf_tracing.h>\n",
        ("bpf_task_acquire(born)",),
    ),
    Shape(
        "bpf_task_get_cgroup1",
        SYSCALL.replace(
            "\t<>\n",
            "\tstruct task_struct *mine = bpf_task_from_pid(1), *task;\n\n\tif (!mine)\n\t\treturn 0;\n\t<>\n"
            "\tbpf_task_release(mine);\n",
        ),
        has=("bpf_task_get_cgroup1(mine, ",),
        lacks=("task2",),
    ),
    Shape(
        "bpf_cgroup_from_id",
        SYSCALL.replace("\t<>\n", '\tif (bpf_get_prandom_u32() & 1)\n\t\t<>\n\telse\n\t\tbpf_printk("no");\n'),
        has=("\t\t{\n\t\t\tstruct cgroup *cgrp;", "\t\t}\n\telse"),
    ),
    # in a loop, and in a function that a program calls
    Shape(
        "bpf_task_from_vpid",
        "static void part(struct xdp_md *c)\n{\n\tint i;\n\n\tfor (i = 0; i < 4; i++) {\n\t\t<>\n\t}\n}\n\n"
        + XDP.replace("<>", "part(ctx);"),
        has=("\t\t\tbpf_task_release(",),
    ),
    # options
    Shape("bpf_xdp_get_xfrm_state", XDP, has=("BPF_XFRM_STATE_OPTS_SZ", "opts.error", "\t\t.family = AF_INET,")),
    Shape("bpf_skb_ct_lookup", TC, has=("bpf_skb_ct_lookup(skb, &bpf_tuple", "NF_BPF_CT_OPTS_SZ")),
    Shape("bpf_xdp_ct_alloc", XDP, has=("bpf_ct_insert_entry(", "bpf_ct_release(")),
    # iterators
    Shape(
        "bpf_iter_task_new", SYSCALL, has=("while ((task = bpf_iter_task_next(&it))) {", "bpf_rcu_read_unlock();")
    ),
    Shape("bpf_iter_num_new", XDP, has=("bpf_iter_num_destroy(&it);",)),
    Shape("bpf_iter_css_new", SYSCALL, has=("bpf_cgroup_release(cgrp);",)),
    # regions
    Shape("bpf_rcu_read_lock", SYSCALL, has=("\tbpf_rcu_read_unlock();\n",)),
    Shape("bpf_preempt_disable", XDP, has=("\tbpf_preempt_enable();\n",)),
    Shape("bpf_local_irq_save", TC, has=("unsigned long flags;", "bpf_local_irq_restore(&flags);")),
    # dynptrs: made, at hand
    Shape("bpf_dynptr_slice", XDP, has=("bpf_dynptr_from_xdp(ctx, 0, &p);", "if (data) {")),
    Shape(
        "bpf_dynptr_slice_rdwr",
        TC.replace(
            "\t<>\n",
            "\tstruct bpf_dynptr packet;\n\n\tif (bpf_dynptr_from_skb(skb, 0, &packet))\n\t\treturn 0;\n\t<>\n",
        ),
        has=("bpf_dynptr_slice_rdwr(&packet, ",),
        lacks=("bpf_dynptr_from_mem",),
    ),
    # locks, lists, trees: new, and with names that are taken
    Shape("bpf_res_spin_lock", XDP, has=("if (!bpf_res_spin_lock(&lock)) {", "\t\tbpf_res_spin_unlock(&lock);")),
    Shape("bpf_list_push_front_impl", TC, has=("bpf_spin_unlock(&lock);", "struct bpf_list_head head")),
    Shape(
        "bpf_list_push_back_impl",
        TC,
        "struct item {\n\tint head;\n};\nint lock;\n\n",
        has=("struct item2 {", "lock2 __hidden", '"contains:item2:node"', "bpf_core_type_id_local(struct item2)"),
    ),
    Shape("bpf_rbtree_add_impl", XDP, has=("static bool less(",)),
    Shape("bpf_rbtree_remove", TC, has=("bpf_obj_drop_impl(",)),
    Shape("bpf_wq_init", TC, has=("bpf_wq_start(", "static int callback_fn(", "#define EBUSY 16")),
    # memory, and a program's own iterator
    Shape("bpf_obj_new_impl", XDP, has=("bpf_obj_drop_impl(item, NULL);",)),
    Shape(
        "bpf_task_from_pid",
        'SEC("iter/task")\nint prog(struct bpf_iter__task *it)\n{\n\tstruct task_struct *task = it->task;\n\n'
        "\tif (!task)\n\t\treturn 0;\n\t<>\n\treturn 0;\n}\n",
        has=("struct task_struct *task_ref;",),
    ),
]


def written(shape: Shape) -> tuple[str, int]:
    """The text with the kfunc's name, all but its last letter, and where the cursor is."""
    begun = shape.kfunc[:-1]
    return shape.text.replace("<>", begun), shape.text.index("<>") + len(begun)


async def completed(
    client: Client, uri: str, text: str, offset: int, kfunc: str
) -> dict[str, types.CompletionItem]:
    found = await complete(client, uri, place(text, text[:offset]))
    return {item.label: item for item in found.items if item.label.partition(" ")[0] == kfunc}


def all_edits(item: types.CompletionItem) -> list[Any]:
    return [item.text_edit, *(item.additional_text_edits or ())]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[Shape, str]:
    """What each program is after its safe call was inserted, by a client without snippets."""
    folder = tmp_path_factory.mktemp("safe")
    found: dict[Shape, str] = {}

    async def test(client: Client) -> None:
        for number, shape in enumerate(SHAPES):
            text, offset = written(shape)
            uri = client.open(folder / f"s{number}.bpf.c", text)
            items = await completed(client, uri, text, offset, shape.kfunc)
            assert set(items) == {shape.kfunc, f"{shape.kfunc} (safe call)"}, shape
            item = items[f"{shape.kfunc} (safe call)"]
            assert item.insert_text_format == types.InsertTextFormat.PlainText
            found[shape] = applied(text, all_edits(item))
            client.close(uri)

    run(test, text_document=capabilities(PLAIN))
    return found


def identify(shape: Shape) -> str:
    return f"{SHAPES.index(shape)}-{shape.kfunc}"


@pytest.mark.parametrize("shape", SHAPES, ids=identify)
def test_an_inserted_call_is_complete(shape: Shape, texts: dict[Shape, str]) -> None:
    text = texts[shape]
    for part in shape.has:
        assert part in text, text
    for part in shape.lacks:
        assert part not in text, text
    assert "\ue000" not in text and "<>" not in text


@pytest.mark.parametrize("shape", SHAPES, ids=identify)
def test_an_inserted_call_lints_clean(shape: Shape, texts: dict[Shape, str], tmp_path: Path) -> None:
    source = tmp_path / "a.bpf.c"
    source.write_text(texts[shape])
    specs = load_specs(())
    result = check_paths([source], LintOptions((specs.newest,), specs))
    assert (result.failures, [f"{f.span.line}: {f.rule}" for f in result.report.findings]) == ((), []), texts[
        shape
    ]


@pytest.mark.kernel
@pytest.mark.parametrize("shape", SHAPES, ids=identify)
def test_the_kernel_takes_an_inserted_call(shape: Shape, texts: dict[Shape, str], tmp_path: Path) -> None:
    found = verdicts(compile_bpf(texts[shape], tmp_path))
    assert [(name, one.verdict, one.message) for name, one in found.items()] == [("prog", "accepted", "")]


@pytest.mark.kernel
def test_calls_can_follow_each_other(tmp_path: Path) -> None:
    """Several in one function, one within another, share no names and declare nothing twice."""
    kfuncs = ("bpf_task_from_pid", "bpf_task_from_pid", "bpf_list_push_front_impl", "bpf_list_pop_front")
    text = f"{HEAD}{XDP}"

    async def test(client: Client) -> None:
        nonlocal text
        uri = client.open(tmp_path / "a.bpf.c", text.replace("<>", ""))
        for kfunc in kfuncs:
            offset = text.index("<>")
            client.change(uri, text.replace("<>", kfunc))
            items = await completed(client, uri, text.replace("<>", kfunc), offset + len(kfunc), kfunc)
            item = items[f"{kfunc} (safe call)"]
            edit = item.text_edit
            assert isinstance(edit, types.TextEdit)
            inner = edit.new_text.replace("bpf_printk(", "<>\n\t\tbpf_printk(", 1)
            inner = inner if "<>" in inner else f"{inner}\n\t<>"
            edits = [types.TextEdit(edit.range, inner), *(item.additional_text_edits or ())]
            text = applied(text.replace("<>", kfunc), edits)

    run(test, text_document=capabilities(PLAIN))
    text = text.replace("<>", "")
    assert len(re.findall(r"^struct item \{", text, re.MULTILINE)) == 1
    assert "task2 = bpf_task_from_pid(1);" in text or "task_ref = bpf_task_from_pid(1);" in text
    source = tmp_path / "b.bpf.c"
    source.write_text(text)
    specs = load_specs(())
    result = check_paths([source], LintOptions((specs.newest,), specs))
    assert (result.failures, [f.rule for f in result.report.findings]) == ((), []), text
    assert [one.verdict for one in verdicts(compile_bpf(text, tmp_path)).values()] == ["accepted"], text
