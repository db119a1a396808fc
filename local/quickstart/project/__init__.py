"""The work on the project: its checks, its locks, its generated pages. The product does not need it."""
