"""The version of the product, by SemVer: of the API, a run's input, a stage's settings and the lake's layout."""

VERSION = "1.0.0"
