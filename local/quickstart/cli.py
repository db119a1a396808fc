"""The command line of `./quickstart`."""

import os
import sys

import typer

from local.quickstart.commands import pipeline, product, project

app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
for group in (pipeline.app, product.app, project.app):
    app.add_typer(group)


def main() -> None:
    """Run the command line."""
    # It was only for finding this program; what it starts finds its own.
    os.environ.pop("PYTHONPATH", None)
    try:
        app(prog_name="./quickstart")
    except KeyboardInterrupt:
        sys.exit(130)
