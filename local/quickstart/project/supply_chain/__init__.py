"""The packages that come into the project, and the secrets that must not leave it."""
