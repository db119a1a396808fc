"""`python -m local.quickstart`, as `./quickstart` runs it."""

import signal
import sys

try:
    # The script starts Python with Ctrl-C ignored: interrupted earlier, Python would print a traceback.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from local.quickstart.cli import main

    main()
except KeyboardInterrupt:
    sys.exit(130)
