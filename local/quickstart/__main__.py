"""`python -m local.quickstart`, as `./quickstart` runs it."""

from local.quickstart.cli import main

main()
