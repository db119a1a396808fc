"""The pages of docs/reference that are made from the code: `./quickstart docs --generate` writes them anew."""
