"""Callers of one kfunc: a plan is found by types over the specs, and written as C.

`sections` says what a program of a section has, `planner` and `values` find the shortest way to every argument,
`protocols` knows the calls that come with one (dynptrs, iterators, objects), `target` what is around the call and
after it, `emit` writes the plan, `render` makes snippets and programs of it.
"""
