"""`python -m canon`, and `torchrun -m canon` for several processes."""

import os
import sys

from canon.cli import main
from canon.cli.console import several_processes

code = main()
if several_processes():  # torch's threads now and then abort a normal exit
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
sys.exit(code)
