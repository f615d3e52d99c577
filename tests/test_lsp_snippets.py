"""Where a whole call may be inserted, what is at hand there, and how its text becomes the client's edits."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsp_client import HEAD, Client, applied, complete, place, run
from lsprotocol import types
from test_lsp_safe_calls import SNIPPETS, SYSCALL, XDP, all_edits, capabilities, completed

from kfuncgen.generate import Surroundings, insertion
from kfuncgen.generate.caller.emit import negated, nested
from kfuncgen.generate.caller.plan import End, Give, Guard, Line, Local, Loop, Own, Use, unmarked
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.snippets import Client as Style
from kfuncgen.lsp.snippets import declaring, inserted, missing, plain
from kfuncgen.lsp.surroundings import sections_of, statement_place, surroundings
from kfuncgen.spec.cached import load_specs
from kfuncgen.spec.kernels import parse_targets

SPECS = load_specs(())
KERNELS = (SPECS.newest,)


def scan_at(text: str) -> tuple[Scan, int]:
    """A text without its `<>`, scanned, and where that stood."""
    return Scan(text.replace("<>", "bpf_x")), text.index("<>")


@pytest.mark.parametrize(
    ("statement", "begins", "single"),
    [
        ("<>", True, False),
        ("f();\n\t<>", True, False),
        ("if (a)\n\t\t<>", True, True),
        ("if (f(a, (b)))\n\t\t<>", True, True),
        ("if (a) {\n\t\t<>\n\t}", True, False),
        ("if (a) {\n\t}\n\t<>", True, False),
        ("if (a)\n\t\tf();\n\telse\n\t\t<>", True, True),
        ("bpf_for_each(num, i, 0, 4)\n\t\t<>", True, True),
        ("for (i = 0; i < 4; i++)\n\t\t<>", True, True),
        ("switch (a) {\n\tcase 1 + 2:\n\t\t<>", True, True),
        ("out:\n\t<>", True, True),
        ("/* a */ <>", True, False),
        ("a = <>", False, False),
        ("f(<>", False, False),
        ("f(a, <>", False, False),
        ("for (i = 0; <>", False, False),
        ("if (<>", False, False),
        ("return <>", False, False),
        ("a = b ? c : <>", False, False),
        ("(void)<>", False, False),
        ("int a[] = { 1, <>", False, False),
        ("<>(1);", False, False),
        ("<> /* a */", True, False),
    ],
)
def test_where_statements_begin(statement: str, begins: bool, single: bool) -> None:
    scan, start = scan_at(f"int f(void *ctx)\n{{\n\tint a;\n\t{statement}\n}}\n")
    place = statement_place(scan, start, start + len("bpf_x"))
    assert (place is not None) == begins
    assert place is None or place.single == single


def test_what_is_at_hand() -> None:
    scan, start = scan_at(
        "#define TAKEN 1\nstatic int f(struct xdp_md *md, struct cgroup *group, int n)\n{\n"
        "\tstruct task_struct *given = g(1, 2), *none = NULL, *later;\n\tstruct task_struct *never, values[2];\n"
        "\tstruct bpf_dynptr made, unmade;\n\t{ struct file *inner = h(); }\n"
        "\t/* struct file *comment = 1; */\n\tlater = g(3, 4);\n\tk(&made);\n\t<>\n"
        "\tstruct file *behind = h();\n}\n"
        'SEC("xdp") int p(struct xdp_md *ctx) { return m(); }\nstatic int m(void) { return f(0, 0, 1); }\n'
        'SEC("tc") int q(void *ctx) { return 0; }\n'
    )
    function = scan.function_at(start)
    assert function is not None
    around = surroundings(scan, function, start)
    assert [(one.expr, one.struct, one.local) for one in around.variables] == [
        ("md", "xdp_md", False),
        ("group", "cgroup", False),
        ("given", "task_struct", True),
        ("later", "task_struct", True),
        ("&made", "bpf_dynptr", True),
    ]
    assert around.sections == ("xdp",) == sections_of(scan, function)
    assert around.context == ""
    assert {"behind", "never", "TAKEN", "n"} <= around.taken


@pytest.mark.parametrize(
    ("head", "context", "arguments"),
    [
        ('SEC("xdp") int p(struct xdp_md *md)', "md", None),
        ('SEC("syscall") int p(void *anything)', "anything", None),
        ('SEC("tp_btf/x") int BPF_PROG(p, struct task_struct *t, u64 flags)', "ctx", ("t", "flags")),
        ('SEC("kprobe/x") int BPF_KPROBE(p)', "ctx", ()),
        ("static int p(void *ctx, int a)", "ctx", None),
        ("static void p(void)", "", None),
    ],
)
def test_contexts(head: str, context: str, arguments: tuple[str, ...] | None) -> None:
    scan, start = scan_at(f"{head}\n{{\n\t<>\n}}\n")
    function = scan.function_at(start)
    assert function is not None
    around = surroundings(scan, function, start)
    assert (around.context, around.arguments) == (context, arguments)


# -- plans as nested statements ----------------------------------------------------------------------------------


def test_failures_skip_what_follows_and_end_what_it_would_have_ended() -> None:
    lines = nested(
        (
            Local("int a"),
            Local("int unused"),
            Own("drop(a);", "drop"),
            Own("unlock();", "unlock"),
            Guard("take(a)", ("say();",)),
            Give("drop"),
            Line("give(a);"),
            End("unlock"),
            Guard("a < 0 || b"),
            Loop("next()"),
            Use("use(a);"),
        )
    )
    assert [unmarked(line) for line in lines] == [
        "int a;",
        "",
        "if (take(a)) {",
        "\tsay();",
        "\tunlock();",
        "\tdrop(a);",
        "} else {",
        "\tgive(a);",
        "\tunlock();",
        "\tif (a >= 0 && !b) {",
        "\t\twhile (next()) {",
        "\t\t\tuse(a);",
        "\t\t}",
        "\t}",
        "}",
    ]


@pytest.mark.parametrize(
    ("test", "opposite"),
    [
        ("!a", "a"),
        ("a", "!a"),
        ("f(&a, &b)", "!f(&a, &b)"),
        ("!f(a) || !f(b)", "f(a) && f(b)"),
        ("a && a != -EBUSY", "!a || a == -EBUSY"),
        ("a < 0", "a >= 0"),
        ("(a & 1)", "!((a & 1))"),
        ("a && (b || c)", "!(a && (b || c))"),
    ],
)
def test_opposites(test: str, opposite: str) -> None:
    assert negated(test) == opposite


def test_what_only_ends_something_is_no_safe_call() -> None:
    around = Surroundings(("syscall",), "ctx")
    enders = ("bpf_task_release", "bpf_iter_task_next", "bpf_iter_task_destroy", "bpf_rcu_read_unlock")
    more = ("bpf_preempt_enable", "bpf_local_irq_restore", "bpf_res_spin_unlock", "bpf_throw", "bpf_obj_drop_impl")
    for name in (*enders, *more, "no_such_kfunc", "bpf_map_lookup_elem"):
        assert insertion(name, SPECS, KERNELS, around) is None, name


def test_where_nothing_follows_there_is_a_place_for_it() -> None:
    lines = nested((Local("void *page"), Line("page = f();"), Guard("!page")))
    assert lines[-3] == "if (page) {" and lines[-1] == "}"
    assert lines[-2].startswith("\t") and lines[-2] != unmarked(lines[-2])


def test_what_a_kernel_lacks_is_guarded() -> None:
    kernels = tuple(parse_targets("6.1,6.12", SPECS))
    made = insertion("bpf_task_from_pid", SPECS, kernels, Surroundings(("syscall",), "ctx"))
    assert made is not None
    assert "if (bpf_ksym_exists(bpf_task_from_pid) && bpf_ksym_exists(bpf_task_release)) {" in made.lines


# -- text --------------------------------------------------------------------------------------------------------


def edited(text: str, kfunc: str, style: Style, declared: tuple[str, ...] = ()) -> tuple[str, str]:
    """A text with `<>` after the safe call was inserted there, and what was inserted."""
    start = text.index("<>")
    text = text.replace("<>", kfunc)
    scan, shown = Scan(text), Text(text, "utf-16")
    end = start + len(kfunc)
    function, place = scan.function_at(end), statement_place(scan, start, end)
    assert function is not None and place is not None
    made = insertion(kfunc, SPECS, KERNELS, surroundings(scan, function, start))
    assert made is not None
    new = inserted(made, place, shown, style)
    edit = types.TextEdit(types.Range(shown.position_at(start), shown.position_at(end)), new)
    return applied(text, [edit, *declaring(missing(made, scan, declared), scan, end, shown)]), new


def test_tab_stops() -> None:
    _, new = edited(f"{HEAD}{XDP}", "bpf_xdp_get_xfrm_state", Style(snippets=True))
    assert ".daddr = ${3:{ .a4 = 0 \\}}," in new
    assert ".family = ${6:AF_INET},\n\t\\};" in new
    assert new.endswith("\n\t\\}$0")
    assert '${7:bpf_printk("xfrm_state props.reqid %u", x->props.reqid);}' in new


@pytest.mark.parametrize(
    ("modes", "style", "indented"),
    [
        ([1, 2], Style(True, False, True), True),
        ([1], Style(True, False, True), True),
        ([2], Style(True, True, True), False),
        (None, Style(True, True, False), False),
    ],
)
def test_who_indents(modes: list[int] | None, style: Style, indented: bool) -> None:
    known = [types.InsertTextMode(mode) for mode in modes or ()]
    support = types.ClientCompletionItemInsertTextModeOptions(known) if modes else None
    options = types.ClientCompletionItemOptions(snippet_support=True, insert_text_mode_support=support)
    client = Style.of(types.ClientCapabilities(text_document=capabilities(options)))
    assert client == style
    _, new = edited(f"{HEAD}{XDP}", "bpf_task_from_pid", client)
    assert ("\n\ttask = " in new, "\ntask = " in new) == (indented, not indented)


def test_lines_end_and_begin_as_the_files_do() -> None:
    text = f"{HEAD}{XDP}".replace("\t", "    ").replace("\n", "\r\n")
    text, _ = edited(text, "bpf_task_from_pid", Style())
    assert "\n" not in text.replace("\r\n", "") and "\t" not in text.partition('SEC("xdp")')[2]
    assert "\r\n    if (task) {\r\n        bpf_printk(" in text


def test_declarations_stand_where_they_can() -> None:
    own = (
        "// about\n#if 1\n#ifdef A\n#include <a.h>\n#endif\n#endif\n#include <b.h>\nstruct mine { int a; };\n\n"
        "/* of\n * the first */\n#ifdef B\nstatic int first(void) { return 0; }\n#endif\n\n"
    )
    text, _ = edited(f"{own}{XDP}", "bpf_list_push_front_impl", Style())
    assert "#include <b.h>\n#include <bpf/bpf_core_read.h>\nstruct mine" in text
    head = text.partition("/* of\n * the first */\n#ifdef B\nstatic int first")[0]
    assert head.endswith('"contains:item:node")));\n\n')
    assert head.index("struct item {") < head.index("extern ") < head.index("bpf_list_head head")
    text, _ = edited(f"{own}extern int f(void) __ksym;\n\n{XDP}", "bpf_task_from_pid", Style())
    assert "extern int f(void) __ksym;\nextern struct task_struct *bpf_task_from_pid(" in text


def test_what_is_declared_is_not_declared_again() -> None:
    own = "#define AF_INET 2\nextern void bpf_xdp_xfrm_state_release(struct xfrm_state *x) __ksym;\n"
    text, _ = edited(f"{own}{XDP}", "bpf_xdp_get_xfrm_state", Style(), ("bpf_xdp_get_xfrm_state",))
    assert text.startswith(f"{own}{XDP.partition('{')[0]}")


def test_headers_are_asked(tmp_path: Path) -> None:
    """Declarations of a header are used; its names are not taken for others; what cannot be told is declared."""
    (tmp_path / "kfuncs.h").write_text(
        "extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;\n"
        "struct item {\n\tint a;\n};\nextern int lock;\n"
    )
    head = f'{HEAD}#include "kfuncs.h"\n'

    async def test(client: Client) -> None:
        async def text_with(kfunc: str, text: str) -> str:
            offset = text.index("<>") + len(kfunc)
            text = text.replace("<>", kfunc)
            uri = client.open(tmp_path / f"{kfunc}.bpf.c", text)
            items = await completed(client, uri, text, offset, kfunc)
            return applied(text, all_edits(items[f"{kfunc} (safe call)"]))

        text = await text_with("bpf_task_from_pid", f"{head}{XDP}")
        assert "*bpf_task_from_pid(s32" not in text and "bpf_task_release(struct task_struct *p) __weak" in text
        text = await text_with("bpf_list_push_back_impl", f"{head}{SYSCALL}")
        assert "struct item2 {" in text and "lock2 __hidden" in text
        text = await text_with("bpf_task_from_vpid", f'{head}#include "missing.h"\n{XDP}')
        assert "bpf_task_from_vpid(s32 vpid) __weak" in text

    run(test, text_document=capabilities(SNIPPETS))


def test_details_are_shown_beside_labels(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        text = f"{HEAD}{XDP}".replace("<>", "bpf_task_from_p")
        uri = client.open(tmp_path / "a.bpf.c", text)
        call, safe = (await complete(client, uri, place(text, "from_p"))).items
        assert (call.label, safe.label, safe.filter_text) == ("bpf_task_from_pid",) * 3
        assert call.label_details is None and safe.label_details is not None
        assert safe.label_details.detail == " safe call"
        assert safe.label_details.description == "NULL check, bpf_task_release()"
        assert (call.sort_text or "") < (safe.sort_text or "")
        assert safe.insert_text_mode == types.InsertTextMode.AsIs
        assert isinstance(safe.documentation, types.MarkupContent)
        assert "bpf_task_release(task);" in safe.documentation.value

    options = types.ClientCompletionItemOptions(
        snippet_support=True,
        label_details_support=True,
        insert_text_mode_support=types.ClientCompletionItemInsertTextModeOptions([types.InsertTextMode.AsIs]),
    )
    run(test, text_document=capabilities(options))


def test_plain_text_has_no_marks() -> None:
    made = insertion("bpf_xdp_get_xfrm_state", SPECS, KERNELS, Surroundings(("xdp",), "ctx"))
    assert made is not None
    marked = "\n".join(made.lines)
    assert plain(marked) != marked
    assert plain(marked).isascii()
