"""The files of the API's explorer at `/docs`: Swagger UI from Powertools, and our page; no other site is needed."""

from pathlib import Path
from typing import NamedTuple

import aws_lambda_powertools

_OURS = Path(__file__).with_name("static")
_SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
# Swagger UI shows icons from its style sheet, and sends requests to the API.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
# The files change only with a deployment, but their names have no version.
FILE_HEADERS = {"Cache-Control": "public, max-age=86400"}


class Asset(NamedTuple):
    """A file of the explorer, and its media type."""

    path: Path
    content_type: str

    @property
    def text(self) -> str:
        """The content of the file."""
        return self.path.read_text(encoding="utf-8")


PAGE = Asset(_OURS / "docs.html", "text/html; charset=utf-8")
FILES = {
    "initializer.js": Asset(_OURS / "initializer.js", _SCRIPT),
    "swagger-ui-bundle.min.js": Asset(_SWAGGER_UI / "swagger-ui-bundle.min.js", _SCRIPT),
    "swagger-ui.min.css": Asset(_SWAGGER_UI / "swagger-ui.min.css", _STYLE),
}
"""The files that the page loads, by the last part of their path."""
