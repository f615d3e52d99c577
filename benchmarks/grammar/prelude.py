"""What all programs of the grammar stand on: headers, and prelude.h beside this file."""

from __future__ import annotations

from pathlib import Path

INCLUDES = """\
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
"""

PRELUDE = Path(__file__).with_name("prelude.h").read_text(encoding="utf-8")
