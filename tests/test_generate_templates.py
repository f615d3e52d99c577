"""Template folders are input like any other: faults in them are one clear error with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.generate import render_project, resources, templates
from kfuncgen.spec.load import load_builtin

GOOD = """
description: a test
kfuncs: [bpf_task_from_pid]
values:
  name: {description: a name, default: x, pattern: "[a-z]+", expected: letters}
files:
  - {path: "{{ name }}.txt", source: f.j2}
"""


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes tmp_path the folder of all templates, with one template `t` in it."""

    def make(yaml: str = GOOD, source: str = "{{ banner }}\nhello {{ name }}\n") -> None:
        folder = tmp_path / "t"
        folder.mkdir()
        (folder / "template.yaml").write_text(yaml)
        (folder / "f.j2").write_text(source)

    monkeypatch.setattr(resources, "template_root", lambda: tmp_path)
    templates.cache_clear()
    resources.builtin_folder.cache_clear()
    yield make
    templates.cache_clear()
    resources.builtin_folder.cache_clear()


def test_folder_is_all_that_a_template_needs(template: Callable[..., None], tmp_path: Path) -> None:
    template()
    (tmp_path / "_shared").mkdir()
    (tmp_path / "no-template").mkdir()
    assert [t.name for t in templates()] == ["t"]
    files = render_project("t", {"name": "abc"}, load_builtin())
    assert list(files) == ["abc.txt"]
    assert files["abc.txt"].text.endswith("\nhello abc\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("description: a test", "descriptoin: a test", r"unknown key 'descriptoin' .* valid keys are"),
        ("description: a test", "x: [", r"t/template.yaml:\d+:\d+: not valid YAML"),
        ("a test", "[1]", "'description' must be a string"),
        ('"[a-z]+"', '"["', "value 'name': bad pattern"),
        ("default: x", "default: X", "the default 'X' does not match"),
        ("[bpf_task_from_pid]", "7", "'kfuncs' must be a list of strings"),
        ("[bpf_task_from_pid]", "[bpf_task_from_pdi]", "'bpf_task_from_pdi', did you mean bpf_task_f"),
        ("source: f.j2", "source: f.j2, mode: suid", "bad mode 'suid', expected one of: file, executable"),
        ("source: f.j2", "source: f.j2, generator: evil", "bad generator 'evil'"),
        ("source: f.j2", "source: ../t/f.j2", "../t/f.j2"),
        ("source: f.j2", "source: missing.j2", "t/missing.j2"),
        ("files:", "files: 3\nx:", "unknown key 'x'"),
        ("  - {path", "  {path", "'files' must be a list"),
        ("{{ name }}.txt", "{{ nmae }}.txt", "template.yaml.*'nmae' is undefined"),
    ],
)
def test_fault_in_template_yaml(template: Callable[..., None], old: str, new: str, message: str) -> None:
    assert old in GOOD
    template(GOOD.replace(old, new))
    with pytest.raises(KfuncgenError, match=message):
        render_project("t", {}, load_builtin())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ nmae }}\n", "templates/t/f.j2.*'nmae' is undefined"),
        ("a\n{% if %}\n", "templates/t/f.j2:2: bad template"),
        ("{{ 1 / 0 }}", "bad template: division by zero"),
        ("{{ name + 1 }}", "bad template"),
        ("{% for i in range(10 ** 9) %}x{% endfor %}", "bad template: .*[Rr]ange"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "bad template: .*unsafe"),
        ("{% include '../../secret' %}", "templates/t/../../secret"),
    ],
)
def test_fault_in_a_template_file(template: Callable[..., None], source: str, message: str) -> None:
    template(source=source)
    with pytest.raises(KfuncgenError, match=message):
        render_project("t", {}, load_builtin())


SKELETON = """
values:
  name: {description: a name, default: x, pattern: "[a-z]+", expected: letters, forbidden: [int]}
  more: {description: more, default: "1", pattern: "[0-9]", expected: a digit}
files:
  - {path: shared.txt, source: shared.j2}
  - {path: own.txt, source: shared.j2}
"""
WITH_SKELETON = """
skeleton: _shared
description: a test
kfuncs: [bpf_task_from_pid]
hooks: [SYSCALL]
values:
  name: {default: abc, forbidden: [taken]}
facts:
  words: ["{{ name }}-1", "{{ name }}-2"]
files:
  - {path: own.txt, source: f.j2}
"""


def test_skeleton_gives_values_and_files_and_the_template_goes_before(
    template: Callable[..., None], tmp_path: Path
) -> None:
    template(WITH_SKELETON, "{% extends '_shared/shared.j2' %}{% block who %}own {{ since }}{% endblock %}")
    (tmp_path / "_shared").mkdir()
    (tmp_path / "_shared/template.yaml").write_text(SKELETON)
    (tmp_path / "_shared/shared.j2").write_text(
        "{{ name }}{{ more }} {{ facts.words | join(' ') }} {% block who %}shared{% endblock %}"
    )
    files = render_project("t", {}, load_builtin())
    assert {path: file.text for path, file in files.items()} == {
        "shared.txt": "abc1 abc-1 abc-2 shared",
        "own.txt": "abc1 abc-1 abc-2 own 6.10",
    }
    for taken in ("int", "taken"):
        with pytest.raises(KfuncgenError, match="expected letters"):
            render_project("t", {"name": taken}, load_builtin())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_shared", "_none", "t/template.yaml:2:11: bad skeleton '_none'"),
        ("_shared", "../t", "bad skeleton"),
        ("_shared", "t", "bad skeleton"),
        ("SYSCALL", "SYSCAL", "t/template.yaml:5:8: bad hook 'SYSCAL', expected one of: .*SYSCALL"),
        ("SYSCALL", "NETFILTER", "no kernel allows 'bpf_task_from_pid' in NETFILTER"),
        ("words:", "Words:", "bad name of a fact 'Words'"),
        ("{{ name }}-1", "{{ nmae }}", "'nmae' is undefined"),
    ],
)
def test_fault_beside_a_skeleton(
    template: Callable[..., None], tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in WITH_SKELETON
    template(WITH_SKELETON.replace(old, new))
    (tmp_path / "_shared").mkdir()
    (tmp_path / "_shared/template.yaml").write_text(SKELETON)
    (tmp_path / "_shared/shared.j2").write_text("x\n")
    with pytest.raises(KfuncgenError, match=message):
        render_project("t", {}, load_builtin())


def test_value_cannot_end_a_comment() -> None:
    assert resources.banner("c", ("a */ b",)).count("*/") == 1
    assert resources.banner("html", ("a --> b",)).count("-->") == 1
