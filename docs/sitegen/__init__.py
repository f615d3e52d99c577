"""The generated part of the documentation: pages of kfuncs and rules, tables, the reference of commands.

In: the specs, the rules and their pages, the command line, Markdown of the repository. Out: Markdown. `hooks.py`
beside this package hands it to MkDocs. Nothing here touches the network, and the same input gives the same text.
"""
