"""Remakes the machine-made part of kfuncgen/toolchain/data: vmlinux.h.xz, bpf_helper_defs.h and the uapi headers.

    python scripts/make_bundled_headers.py --bpftool BPFTOOL --btf BTF --uapi LINUX/include/uapi

`--bpftool` must print kfunc prototypes (6.10 and newer do), `--uapi` is that folder of a kernel source tree. From
its headers only facts are taken: names, values, layouts, helper prototypes and numbers; what is written is
printed from the parsed declarations in one form, and every size and offset is compared with the original.
Same input, same bytes out. The other headers in data/include are written by hand.
"""

from __future__ import annotations

import argparse
import difflib
import lzma
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from clang import cindex

DATA = Path(__file__).resolve().parents[1] / "kfuncgen" / "toolchain" / "data"
NOTICE = "/* SPDX-License-Identifier: BSD-2-Clause */\n/* Part of kfuncgen, machine-made: {what} */\n"

# fmt: off
UAPI = (
    "bpf", "bpf_common", "btf", "capability", "fcntl", "filter", "hdlc/ioctl", "icmp", "icmpv6", "if", "if_arp",
    "if_ether", "if_link", "if_packet", "if_tunnel", "if_vlan", "in", "in6", "ip", "ipv6", "limits", "lirc",
    "mpls", "netdev", "netfilter", "netfilter_ipv4", "perf_event", "pkt_cls", "pkt_sched", "sched", "seg6",
    "seg6_local", "stat", "tc_act/tc_bpf", "tcp", "udp",
)
# fmt: on
"""Headers of include/uapi/linux that BPF programs without vmlinux.h include."""

GENERIC = {
    "asm/errno.h": ("asm-generic/errno-base.h", "asm-generic/errno.h"),
    "asm/socket.h": ("asm-generic/socket.h",),
}
"""Our name -> the uapi headers whose constants it gets."""

BEFORE = {"linux/hdlc/ioctl.h": ("linux/if.h",)}
"""uapi header -> those that it silently counts on."""

ARCHITECTURES = ("x86", "arm", "arm64", "arc", "loongarch", "mips", "powerpc", "riscv", "s390", "sparc")

SOCKADDR = """#include <linux/socket.h>
typedef unsigned short sa_family_t;
struct sockaddr { sa_family_t sa_family; char sa_data[14]; };
"""
"""What the uapi headers want of the C library's <sys/socket.h>."""

# scripts/bpf_doc.py of the kernel: how types of helper prototypes are spelled for programs
SPELLED = {
    "u8": "__u8",
    "u16": "__u16",
    "u32": "__u32",
    "u64": "__u64",
    "s8": "__s8",
    "s16": "__s16",
    "s32": "__s32",
    "s64": "__s64",
    "size_t": "unsigned long",
    "struct bpf_map": "void",
    "struct sk_buff": "struct __sk_buff",
    "struct sk_msg_buff": "struct sk_msg_md",
    "struct xdp_buff": "struct xdp_md",
}
ANY_CONTEXT = ("bpf_get_socket_cookie", "bpf_sk_assign")
"""Helpers whose context type depends on the program type: declared with void *."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bpftool", default="bpftool")
    parser.add_argument("--btf", type=Path, default=Path("/sys/kernel/btf/vmlinux"))
    parser.add_argument("--uapi", type=Path, required=True)
    parser.add_argument("--clang", default="clang")
    arguments = parser.parse_args()
    write_vmlinux(arguments.bpftool, arguments.btf)
    write_helpers((arguments.uapi / "linux/bpf.h").read_text())
    sources = {f"linux/{name}.h": (f"linux/{name}.h",) for name in UAPI} | GENERIC
    written = {name: write_uapi(arguments.uapi, arguments.clang, name, of) for name, of in sources.items()}
    for name, header in written.items():
        compare_layouts(name, header)
    return 0


def write_vmlinux(bpftool: str, btf: Path) -> None:
    """The BTF as C, tied to x86 (struct pt_regs is the machine's), compressed."""
    command = [bpftool, "btf", "dump", "file", str(btf), "format", "c"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "bpf_task_from_pid(" not in text:
        sys.exit("this bpftool prints no kfunc prototypes; 7.5 (Linux 6.10) or newer is needed")
    if "struct pt_regs {" not in text or "long unsigned int di;" not in text:
        sys.exit("expected the BTF of an x86-64 kernel")
    guard = "#define __VMLINUX_H__\n"
    pin = "\n/* Made from an x86-64 kernel: registers are those of x86 wherever this is parsed. */\n"
    pin += "".join(f"#undef __TARGET_ARCH_{name}\n" for name in ARCHITECTURES if name != "x86")
    pin += "#ifndef __TARGET_ARCH_x86\n#define __TARGET_ARCH_x86\n#endif\n"
    text = text.replace(guard, guard + pin, 1)
    data = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    (DATA / "vmlinux.h.xz").write_bytes(data)
    print(f"vmlinux.h.xz: {len(text)} bytes, compressed {len(data)}")


def write_helpers(uapi: str) -> None:
    """bpf_helper_defs.h from the prototypes and numbers in include/uapi/linux/bpf.h."""
    start = uapi.index("Start of BPF helper function descriptions")
    described = uapi[start : uapi.index("*/", start)]
    prototypes = re.findall(r"^ \* ((?:\w+ )+\**)(bpf_\w+)\((.*)\)$", described, re.MULTILINE)
    numbers = {name: int(n) for name, n in re.findall(r"^\s*FN\((\w+), (\d+), ##ctx\)", uapi, re.MULTILINE)}
    lines, structs = {}, set()
    for result, name, parameters in prototypes:  # helpers for any context are described more than once
        spelled = [spell(p) for p in parameters.split(", ")]
        if name in ANY_CONTEXT:
            spelled[0] = "void *ctx"
        result = spell(result + "x")[:-1]
        structs |= set(re.findall(r"struct (\w+)", " ".join([result, *spelled])))
        number = numbers[name.removeprefix("bpf_")]
        lines[number] = f"static {result}(* const {name})({', '.join(spelled)}) = (void *) {number};"
    missing = {n for name, n in numbers.items() if name != "unspec"} - set(lines)
    if missing or not lines:
        sys.exit(f"helpers without a prototype: {sorted(missing)}")
    text = NOTICE.format(what="the BPF helpers, by number (include/uapi/linux/bpf.h of Linux).")
    text += "#pragma once\n\n" + "".join(f"struct {name};\n" for name in sorted(structs)) + "\n"
    text += '#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored "-Wunused-variable"\n'
    text += "".join(f"{lines[number]}\n" for number in sorted(lines)) + "#pragma GCC diagnostic pop\n"
    (DATA / "include/bpf/bpf_helper_defs.h").write_text(text)
    print(f"bpf_helper_defs.h: {len(lines)} helpers")


def spell(parameter: str) -> str:
    """A parameter of a helper with the type names that programs know."""
    for kernel, ours in SPELLED.items():
        parameter = re.sub(rf"(?<![\w]){kernel}(?![\w])(?<!__)", ours, parameter)
    return parameter


class Header:
    """The declarations and constants that some uapi headers themselves contain, printed in one form."""

    def __init__(self, uapi: Path, clang: str, sources: tuple[str, ...]) -> None:
        self.clang = clang
        self.files = [uapi / source for source in sources]
        self.folder = tempfile.TemporaryDirectory(prefix="kfuncgen-uapi-")  # goes with this object
        self.shim = self.folder.name
        include = [f"#include <{source}>\n" for source in (*BEFORE.get(sources[0], ()), *sources)]
        self.program = "#include <linux/types.h>\n" + "".join(include)
        # <asm/...> of a source tree is generated by its build; ours has what these headers need
        self.args = ["--target=bpf", "-I", str(uapi), "-I", self.shim, "-nostdinc"]
        for folder, file, body in (
            ("asm", "types.h", "#include <asm-generic/types.h>\n"),
            ("asm", "posix_types.h", "#include <asm-generic/posix_types.h>\n"),
            ("asm", "bitsperlong.h", "#define __BITS_PER_LONG 64\n"),
            ("asm", "byteorder.h", (DATA / "include/asm/byteorder.h").read_text()),
            ("asm", "swab.h", ""),
            ("asm", "socket.h", "#include <asm-generic/socket.h>\n"),
            ("asm", "sockios.h", "#include <asm-generic/sockios.h>\n"),
            ("asm", "ioctl.h", "#include <asm-generic/ioctl.h>\n"),
            ("asm", "fcntl.h", "#include <asm-generic/fcntl.h>\n"),
            ("sys", "socket.h", SOCKADDR),
            ("linux", "compiler.h", ""),
            ("linux", "compiler_types.h", ""),
        ):
            path = Path(self.shim, folder)
            path.mkdir(exist_ok=True)
            (path / file).write_text(body)
        self.args += ["-idirafter", str(DATA / "include"), "-D__user=", "-D__attribute_const__="]
        options = cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
        self.unit = cindex.Index.create().parse(
            "uapi.c", args=self.args, unsaved_files=[("uapi.c", self.program)], options=options
        )
        errors = [str(d) for d in self.unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if errors:
            sys.exit("\n".join(errors))
        self.enumerators: set[str] = set()
        self.records: list[str] = []

    def own(self, cursor: cindex.Cursor) -> bool:
        return cursor.location.file is not None and Path(cursor.location.file.name) in self.files

    def declarations(self) -> list[str]:
        """Enums, structs, unions and typedefs in source order."""
        kinds = cindex.CursorKind
        result = []
        for cursor in self.unit.cursor.get_children():
            if not self.own(cursor):
                continue
            if cursor.kind == kinds.ENUM_DECL and cursor.is_definition():
                result.append(self.enum(cursor))
            elif cursor.kind in (kinds.STRUCT_DECL, kinds.UNION_DECL) and cursor.is_definition():
                if is_nameless(cursor):
                    continue  # printed with its typedef
                self.records.append(cursor.type.spelling)
                result.append(self.record(cursor, 0) + ";\n")
            elif cursor.kind == kinds.TYPEDEF_DECL:
                inner = cursor.underlying_typedef_type.get_declaration()
                if is_nameless(inner) and inner.kind in (kinds.STRUCT_DECL, kinds.UNION_DECL):
                    self.records.append(cursor.spelling)
                    result.append(f"typedef {self.record(inner, 0)} {cursor.spelling};\n")
                elif not is_nameless(inner):
                    result.append(f"typedef {declare(cursor.underlying_typedef_type, cursor.spelling)};\n")
        return result

    def enum(self, cursor: cindex.Cursor) -> str:
        name = "" if cursor.is_anonymous() else f" {cursor.spelling}"
        lines = []
        for constant in cursor.get_children():
            if constant.kind == cindex.CursorKind.ENUM_CONSTANT_DECL:
                self.enumerators.add(constant.spelling)
                lines.append(f"\t{constant.spelling} = {constant.enum_value},\n")
        return f"enum{name} {{\n{''.join(lines)}}};\n"

    def record(self, cursor: cindex.Cursor, depth: int) -> str:
        kinds = cindex.CursorKind
        indent = "\t" * (depth + 1)
        word = "union" if cursor.kind == kinds.UNION_DECL else "struct"
        name = "" if is_nameless(cursor) else f" {cursor.spelling}"
        lines = []
        natural = 1
        children = list(cursor.get_children())
        for child in children:
            if child.kind in (kinds.STRUCT_DECL, kinds.UNION_DECL) and child.is_definition():
                # anonymous members stand here; named ones are printed with the field that uses them
                if cindex.conf.lib.clang_Cursor_isAnonymousRecordDecl(child):
                    lines.append(f"{indent}{self.record(child, depth + 1)};\n")
                    natural = max(natural, child.type.get_align())
                continue
            if child.kind != kinds.FIELD_DECL:
                continue
            natural = max(natural, 1 if child.is_bitfield() and not child.spelling else child.type.get_align())
            width = f" : {child.get_bitfield_width()}" if child.is_bitfield() else ""
            inner, suffix = child.type, ""
            while inner.kind == cindex.TypeKind.CONSTANTARRAY:
                suffix += f"[{inner.get_array_size()}]"
                inner = inner.get_array_element_type()
            declaration = inner.get_declaration()
            local = declaration in children and declaration.kind in (kinds.STRUCT_DECL, kinds.UNION_DECL)
            if local:
                body = self.record(declaration, depth + 1)
                lines.append(f"{indent}{body} {child.spelling}{suffix};\n")
            elif not (child.is_anonymous() and not child.is_bitfield()):
                lines.append(f"{indent}{declare(child.type, child.spelling)}{width};\n")
        attribute = ""
        if any(child.kind == kinds.PACKED_ATTR for child in children):
            attribute = " __attribute__((packed))"
            natural = 1
        if cursor.type.get_align() > natural:
            attribute += f" __attribute__((aligned({cursor.type.get_align()})))"
        outdent = "\t" * depth
        return f"{word}{name} {{\n{''.join(lines)}{outdent}}}{attribute}"

    def constants(self) -> list[str]:
        """#define lines for object-like macros with an integer value, and for aliases of members."""
        names, aliases = [], []
        for cursor in self.unit.cursor.get_children():
            if cursor.kind != cindex.CursorKind.MACRO_DEFINITION or not self.own(cursor):
                continue
            tokens = [t.spelling for t in cursor.get_tokens()]
            if cindex.conf.lib.clang_Cursor_isMacroFunctionLike(cursor) or len(tokens) < 2:
                continue
            if cursor.spelling in self.enumerators:
                continue
            names.append((cursor.spelling, "".join(tokens[1:])))
        lines = []
        values = self.evaluate([name for name, _ in names])
        for name, body in names:
            if name in values:
                lines.append(f"#define {name} {values[name]}\n")
            elif re.fullmatch(r"[a-z]\w*(\.\w+)+", body):
                aliases.append(f"#define {name} {body}\n")
        return lines + aliases

    def evaluate(self, names: list[str]) -> dict[str, str]:
        """The value of each macro that is an integer constant, as C text of the same type."""
        known = []
        for name in names:
            test = f"{self.program}enum {{ kfg = sizeof(char[(({name}) == ({name})) ? 1 : -1]) }};\n"
            if self.compile(test, ["-fsyntax-only"]) is not None:
                known.append(name)
        text = self.program
        for i, name in enumerate(known):
            text += f"unsigned long long v{i} = (unsigned long long)({name});\n"
            text += f"int u{i} = (__typeof__({name}))-1 > 0, s{i} = sizeof({name});\n"
        output = self.compile(text, ["-S", "-O0", "-emit-llvm", "-o", "-"]) or ""
        found = dict(re.findall(r"^@([vus]\d+) = .*global i(?:64|32) (-?\d+)", output, re.MULTILINE))
        result = {}
        for i, name in enumerate(known):
            value, unsigned, size = int(found[f"v{i}"]), found[f"u{i}"] == "1", int(found[f"s{i}"])
            if unsigned:
                value &= (1 << 8 * max(size, 4)) - 1
            suffix = ("U" if unsigned and size >= 4 else "") + ("ULL"[1:] if size == 8 else "")
            shown = hex(value) if value > 255 and value & (value - 1) == 0 else str(value)
            result[name] = f"({shown}{suffix})" if value < 0 else f"{shown}{suffix}"
        return result

    def compile(self, text: str, extra: list[str]) -> str | None:
        command = [self.clang, *self.args, "-Werror", "-w", "-x", "c", "-", *extra]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def layout(self, program: str, args: list[str]) -> str:
        """Sizes and field offsets of all records, as clang prints them, to compare two headers by."""
        uses = "".join(f"int kfg{i}[sizeof({name})];\n" for i, name in enumerate(self.records))
        command = [self.clang, *args, "-w", "-x", "c", "-", "-fsyntax-only", "-Xclang", "-fdump-record-layouts"]
        done = subprocess.run(command, input=program + uses, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{program}\n{done.stderr}")
        text = re.sub(r"\((?:unnamed|anonymous)[^()]* at [^()]*\)", "(unnamed)", done.stdout)
        text = "\n".join(line.split("(unnamed)")[0].rstrip() for line in text.splitlines())
        own = {name.split()[-1] for name in self.records}
        blocks = text.split("*** Dumping AST Record Layout\n")
        return "\n".join(b for b in blocks if re.sub(r"::.*", "", b.split("\n")[0].split(" ")[-1]) in own)


def is_nameless(cursor: cindex.Cursor) -> bool:
    """Whether a type has no tag (clang calls it by its typedef's name, if it has one)."""
    tagged = ("struct ", "union ", "enum ")
    declares = cursor.kind.is_declaration() and cursor.kind != cindex.CursorKind.TYPEDEF_DECL
    return cursor.is_anonymous() or (declares and not cursor.type.spelling.startswith(tagged))


def declare(ctype: cindex.Type, name: str) -> str:
    """`ctype name` in C, for arrays and pointers too."""
    suffix = ""
    while ctype.kind in (cindex.TypeKind.CONSTANTARRAY, cindex.TypeKind.INCOMPLETEARRAY):
        size = ctype.get_array_size() if ctype.kind == cindex.TypeKind.CONSTANTARRAY else ""
        suffix += f"[{size}]"
        ctype = ctype.get_array_element_type()
    spelling = ctype.spelling
    return f"{spelling}{'' if spelling.endswith('*') or not name else ' '}{name}{suffix}"


def write_uapi(uapi: Path, clang: str, name: str, sources: tuple[str, ...]) -> Header:
    """Write data/include/`name` with what `sources` declare."""
    header = Header(uapi, clang, sources)
    declarations = header.declarations()
    constants = header.constants()
    text = "".join(file.read_text() for file in header.files)
    included = re.findall(r"^#\s*include <(linux/[\w/]+\.h|sys/socket\.h)>", text, re.MULTILINE)
    # <linux/netdevice.h> brings struct sockaddr by a long way round
    included = ["linux/socket.h" if name == "linux/netdevice.h" else name for name in included]
    ours = {f"linux/{n}.h" for n in UAPI} | {"linux/types.h", "linux/stddef.h", "linux/socket.h", "sys/socket.h"}
    needed = ["linux/types.h", *(i for i in included if i in ours and i != "linux/types.h")]
    guard = "__KFG_" + re.sub(r"\W", "_", name).upper()
    body = NOTICE.format(what=f"stands in for the kernel's <{name}> where it is not installed.")
    body += f"#ifndef {guard}\n#define {guard}\n\n"
    if name.startswith("linux/"):
        body += "".join(f"#include <{i}>\n" for i in needed) + "\n"
    body += "".join(constants) + "\n" + "\n".join(declarations) + "\n#endif\n"
    path = DATA / "include" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    print(f"{name}: {len(constants)} constants, {len(declarations)} declarations, {len(header.records)} records")
    return header


def compare_layouts(name: str, header: Header) -> None:
    """Exit with a difference unless our header lays its records out as the kernel's does."""
    original = header.layout(header.program, header.args)
    args = ["--target=bpf", "-nostdinc", "-I", str(DATA / "include")]
    remade = header.layout(f"#include <linux/types.h>\n#include <{name}>\n", args)
    if original != remade:
        lines = difflib.unified_diff(original.splitlines(), remade.splitlines(), "kernel", "ours", lineterm="")
        sys.exit(f"{name}: layouts differ\n" + "\n".join(list(lines)[:80]))


if __name__ == "__main__":
    sys.exit(main())
