"""Build from the command line, and print how large the functions are."""

import argparse
import sys

from layers.build.errors import BuildError
from layers.build.packages import UNZIPPED_LIMIT, Packages, build_bundles, build_layers, check_size
from layers.build.platforms import host_platform, lambda_platform


def main() -> None:
    """Build what the command line names; exit with the message of a build that fails."""
    parser = argparse.ArgumentParser(prog="python -m layers.build", description="Build what Lambda runs")
    products = parser.add_subparsers(dest="product", required=True)
    products.add_parser("bundle", help="the self-contained functions of the local stage")
    layers = products.add_parser("layers", help="the layers and functions of the AWS stages")
    layers.add_argument("--architecture", choices=("x86_64", "arm64"), default="arm64")
    arguments = parser.parse_args()
    try:
        if arguments.product == "bundle":
            _print_sizes(build_bundles(host_platform()))
        else:
            _print_sizes(build_layers(lambda_platform(arguments.architecture)))
    except BuildError as error:
        sys.exit(str(error))


def _print_sizes(packages: Packages) -> None:
    for name in packages.functions:
        parts = packages.parts(name)
        size = check_size(name, parts)
        files = ", ".join(archive.path.name for archive in parts.values())
        share = f"{size / UNZIPPED_LIMIT:.0%}"
        sys.stdout.write(f"{name:8} {size:>13,} of {UNZIPPED_LIMIT:,} bytes unzipped, {share}: {files}\n")


if __name__ == "__main__":
    main()
