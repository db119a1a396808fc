"""The commands of `./quickstart`, one file for each group."""
