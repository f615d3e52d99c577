"""Files and words of the command line that are no sources: baselines, users' templates, options."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

from benchmarks.fuzz_targets import ROOT, Target
from kfuncgen import cli
from kfuncgen.cli_baseline import read_text
from kfuncgen.cli_output import read_source
from kfuncgen.diagnostic import Finding, KfuncgenError, Severity, Span
from kfuncgen.generate.usertemplate import describe_user_template, render_user_project
from kfuncgen.generate.write import write_project
from kfuncgen.render.baseline import of_others, parse, without_known, written
from kfuncgen.render.excerpt import Sources as Excerpts

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What no text for a terminal may have."""
_SPLIT = b"\n=====\n"


class Baselines(Target):
    """Baselines of known findings: read, compared with, and written again."""

    name, file = "baseline", "baseline.json"

    def read(self) -> list[bytes]:
        span = Span("a.bpf.c", 1, 1, 1, 4)
        self._findings = [
            Finding(rule, Severity.ERROR, span, "lost", "f", "p", "xdp", "bpf_task_release")
            for rule in ("unreleased-reference", "unchecked-null")
        ]
        self._excerpts = Excerpts(read_source)
        (self.folder / "a.bpf.c").write_text("int x;\n")
        text = written(self._findings, self._excerpts, self.folder)
        return [text.encode(), written([], self._excerpts, self.folder).encode()]

    def answer(self, path: Path) -> str:
        known = parse(path, read_text(path, "baseline"))
        new, number, _ = without_known(self._findings, known, self._excerpts, ["a.bpf.c"])
        again = written(new, self._excerpts, self.folder, of_others(known, ["b.bpf.c"]))
        parse(path, again)
        return "" if len(new) + number == len(self._findings) else "findings were lost"


class Templates(Target):
    """Templates of the user's: what they say of themselves, their files, and where these are written."""

    name, file = "template", "template.yaml"

    def read(self) -> list[bytes]:
        own = b"description: mine\nvalues:\n  name:\n    description: a name\n    default: x\n    pattern: x+\n"
        own += (
            b"    expected: letters\nkfuncs: [bpf_task_release]\nfiles:\n- path: '{{ name }}.c'\n  source: x.j2\n"
        )
        view = b"{{ banner }}\n{% for k in kfuncs %}{{ k.name }} {{ k.prototype }}\n{% endfor %}{{ name|upper }}\n"
        attack = (
            b"{{ name.__class__.__mro__ }}{{ '{0.__class__}'.format(name) }}{{ range(99) | sum }}{{ cycler }}\n"
        )
        found = [own + _SPLIT + view, own + _SPLIT + attack]
        for folder in sorted((ROOT / "templates").glob("[a-z]*")):
            for page in sorted(folder.glob("*.j2"))[:2]:
                found.append((folder / "template.yaml").read_bytes() + _SPLIT + page.read_bytes())
        return found

    def answer(self, path: Path) -> str:
        description, _, page = path.read_bytes().partition(_SPLIT)
        folder, out = self.folder / "own", self.folder / "out"
        for made in (folder, out):
            shutil.rmtree(made, ignore_errors=True)
        folder.mkdir()
        (folder / "template.yaml").write_bytes(description)
        (folder / "x.j2").write_bytes(page)
        before = sorted(self.folder.iterdir())
        try:
            describe_user_template(folder)
            write_project(render_user_project(folder, {}), out)
        finally:
            new = [str(made) for made in sorted(self.folder.iterdir()) if made not in before and made != out]
        return f"wrote elsewhere: {new}" if new else ""


class Commands(Target):
    """Command lines, a word a line; for what they write there is one folder."""

    name, file = "command", "command"

    def read(self) -> list[bytes]:
        (self.folder / "a.bpf.c").write_text('#include "vmlinux.h"\nint x;\n')
        (self.folder / "odd \x1b[31m\n\u202e::error::.bpf.c").write_text("int x = ;\n")
        lines = (
            "lint a.bpf.c", "lint . --output-format sarif", "lint a.bpf.c -o out --kernel 6.12 --select leak",
            "lint a.bpf.c --ignore unchecked-null --fail-on never --statistics", "lint a.bpf.c --diff -- -DX=1",
            "lint a.bpf.c --fix --unsafe-fixes --jobs 2", "lint . --write-baseline --baseline b.json",
            "lint . --output-format text", "lint . --output-format github", "lint . --output-format junit",
            "lint . --output-format html", "lint . --output-format gitlab", "lint . --output-format rdjson",
            "lint . --output-format concise --exit-zero", "lint . -p . --arch x86 --config k.toml",
            "explain unchecked-null", "explain", "spec list", "spec show bpf_task_release", "spec diff 6.12 6.18",
            "spec show bpf_xdp_get_xfrm_state --output-format json", "spec schema", "config schema",
            "gen header bpf_task_release --minimal", "gen call bpf_task_from_pid --section tp_btf/task_newtask",
            "gen program bpf_task_from_pid --section syscall", "new --list", "new xdp-xfrm --list",
            "new xdp-xfrm out2 --set name=abc --dry-run", "new ./t out3 --set a=b --force", "--version", "--help",
        )  # fmt: skip
        return ["\n".join(line.split(" ")).encode() for line in lines]

    def answer(self, path: Path) -> str:
        words = [os.fsdecode(word) for word in path.read_bytes().split(b"\n")]
        # Nothing outside of the folder is written, no server started, nothing watched, no kernel asked.
        words = [word for word in words if ".." not in word and not word.startswith(("/", "-w", "--w", "~"))]
        if not words or {"lsp", "cache", "verify", "probe", "check", "import", "live"} & set(words):
            return ""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
        # This is a process of its own (benchmarks.fuzz.problems).
        os.environ |= {"XDG_CACHE_HOME": str(self.folder / "cache"), "KFUNCGEN_DEBUG": "1", "COLUMNS": "100"}
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = cli.main(words)
        except KfuncgenError as error:
            return f"not told: {error}"
        finally:
            os.chdir(here)
        texts = []
        for stream in (out, err):
            stream.flush()
            assert isinstance(stream.buffer, io.BytesIO)
            texts.append(stream.buffer.getvalue().decode("utf-8", "replace"))
        if status not in (0, 1, 2, 3):
            return f"status {status}"
        if control := _CONTROLS.search("".join(texts)):
            return f"shows {control[0]!r}: {''.join(texts)[max(0, control.start() - 60) : control.end() + 60]!r}"
        return "says nothing" if status == 2 and not "".join(texts) else ""
