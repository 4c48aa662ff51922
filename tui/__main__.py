"""`python -m tui`: the same program as mnist-tui."""

import os
import sys

# Python puts the current folder first, and would import a json.py or a core/ there.
if not sys.flags.safe_path and sys.path and os.path.isdir(sys.path[0]):
    program = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path[0] != program and os.path.samefile(sys.path[0], os.curdir):
        del sys.path[0]

from tui.cli.main import main

main()
