"""The rules of the business: segments, cleaning rules, counts, modes, runs. Nothing here imports AWS code."""
