"""The project's own work: its checks, its locks, its generated pages. The product needs none of it."""
