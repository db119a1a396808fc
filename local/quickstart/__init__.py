"""The program behind `./quickstart`: the product on this machine, from nothing to a served model."""
