"""Why the archives cannot be built."""


class BuildError(Exception):
    """The archives cannot be built; the message says what is missing."""


class PackageTooLargeError(BuildError):
    """A function with its layers is larger than Lambda accepts."""
