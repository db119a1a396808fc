"""The pages of docs/reference, made from the code; `./quickstart docs --generate` writes them."""
