"""A type id names a type that the kfunc does not take."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "struct": "{kfunc}() makes structs, {type} is none",
    "typedef": "{kfunc}() makes structs, and a typedef is none even of a struct",
    "range": "{type} is no type id: argument {number} of {kfunc}() is negative or too large",
    "kernel": "{kfunc}() makes objects of the program's types, this is the kernel's id of {type}",
    "size": "{kfunc}() makes objects of at most 512 bytes, {type} is larger",
    "scalars": "{kfunc}() makes structs of numbers only, {type} has other members",
    "special": "{kfunc}() makes no structs with locks, lists or other special members, {type} has one",
    "cast": "{kfunc}() casts to structs, {type} is none",
    "cast typedef": "{kfunc}() casts to structs, and a typedef is none even of a struct",
    "local": "{kfunc}() casts to the kernel's types, this is the program's id of {type}",
    "void": "{kfunc}() casts to structs, and to void from 6.17 on only",
}

_SAYS = {
    "range": "local type ID argument must be in range [0, U32_MAX]",
    "size": "bpf_percpu_obj_new type size (%d) is greater than %d",
    "scalars": "bpf_percpu_obj_new type ID argument must be of a struct of scalars",
    "special": "bpf_percpu_obj_new type ID argument must not contain special fields",
    "cast": "kfunc bpf_rdonly_cast type ID argument must be of a struct",
    "cast typedef": "kfunc bpf_rdonly_cast type ID argument must be of a struct",
    "local": "kfunc bpf_rdonly_cast type ID argument must be of a struct",
    "void": "kfunc bpf_rdonly_cast type ID argument must be of a struct",
}

RULE = Rule(
    fault=Fault.TYPE_ID,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="bpf_core_type_id_local() of a struct of the program, bpf_core_type_id_kernel() of one of the kernel",
    says=by_how(_SAYS),
    verifier=(
        "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct",
        "local type ID argument must be in range [0, U32_MAX]",
        "bpf_percpu_obj_new type ID argument must be of a struct of scalars",
        "bpf_percpu_obj_new type ID argument must not contain special fields",
        "bpf_percpu_obj_new type size (%d) is greater than %d",
        "kfunc bpf_rdonly_cast type ID argument must be of a struct",
    ),
)
