"""`python -m canon`, which is `canon`; for launchers such as `torchrun -m canon`."""

import sys

from canon.cli import main

sys.exit(main())
