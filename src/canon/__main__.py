"""`python -m canon`, and `torchrun -m canon` for several processes."""

import os
import sys

from canon.cli import main

code = main()
if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # torch's threads now and then abort a normal exit
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
sys.exit(code)
