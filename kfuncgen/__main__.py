"""`python -m kfuncgen`."""

import sys

from kfuncgen.cli import main

sys.exit(main())
