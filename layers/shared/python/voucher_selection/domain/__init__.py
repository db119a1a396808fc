"""What the product is about: segments, rules, counts, modes, runs. Nothing here knows of AWS."""
