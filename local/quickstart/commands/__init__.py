"""The commands of `./quickstart`, a file for each group of them."""
