"""`python -m local.quickstart`, as `./quickstart` runs it."""

import sys

from local.quickstart import interrupts

try:
    from local.quickstart.cli import main

    main()
except KeyboardInterrupt:  # while it is loaded, too
    sys.exit(interrupts.EXIT_CODE)
