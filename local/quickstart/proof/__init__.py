"""The proof of a deployment: every kind of run, every route and some faults, compared with what is right."""
