"""The data contract, contract.odcs.yaml: made from the code; `./quickstart docs --generate` writes it."""
