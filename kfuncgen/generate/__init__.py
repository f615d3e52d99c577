"""Correct callers of kfuncs, written from the specs: whole projects, headers, calls for programs that exist.

`templates` and `render_project` turn a template folder and values into texts, `render_header` writes the header
of named kfuncs, `insertion` a call for a place in a function, `write_project` puts texts on disk. Nothing here
prints, and only `write_project` touches files.
"""

from kfuncgen.generate.caller.insert import Declaration, Insertion, Surroundings, Variable, insertion
from kfuncgen.generate.caller.plan import slots
from kfuncgen.generate.caller.render import render_call, render_program
from kfuncgen.generate.header import render_header
from kfuncgen.generate.project import GeneratedFile, Template, Value, render_project, templates
from kfuncgen.generate.stale import Checked, check_generated
from kfuncgen.generate.write import Written, write_project

__all__ = [
    "Checked",
    "Declaration",
    "GeneratedFile",
    "Insertion",
    "Surroundings",
    "Template",
    "Value",
    "Variable",
    "Written",
    "check_generated",
    "insertion",
    "render_call",
    "render_header",
    "render_program",
    "render_project",
    "slots",
    "templates",
    "write_project",
]
