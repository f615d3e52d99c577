"""`python -m kfuncgen`."""

from kfuncgen.cli import start

start()
