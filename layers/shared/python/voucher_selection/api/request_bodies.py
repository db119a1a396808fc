"""Read the bodies of requests: check their media type and size, and parse JSON or a form."""

import base64
import json
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from voucher_selection.api.problems import BodyTooLarge, MalformedBody, MalformedJson, UnsupportedMediaType
from voucher_selection.contract.limits import MOST_BODY_BYTES

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100


def json_of(event: APIGatewayProxyEvent) -> object:
    """Return the value of a JSON body; raise `MalformedJson` if it is not JSON. Otherwise as `text_of`."""
    try:
        return json.loads(text_of(event, JSON))
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"expected a JSON body: {error}") from error


def form_of(event: APIGatewayProxyEvent) -> dict[str, str]:
    """Return the fields of a form in the body; raise `MalformedBody` for more than 100. Otherwise as `text_of`."""
    text = text_of(event, FORM)
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise MalformedBody(f"expected a form of at most {_MOST_FIELDS} fields: {error}") from error


def text_of(event: APIGatewayProxyEvent, media_type: str) -> str:
    """Return a request's body as text.

    Raises
    ------
    UnsupportedMediaType
        The body's type is not `media_type`.
    BodyTooLarge
        The body has more than `MOST_BODY_BYTES`.
    MalformedBody
        The body is not UTF-8 text, or has invalid base64.
    """
    given = event.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise UnsupportedMediaType(f"expected {media_type}, got {given or 'no Content-Type'}")
    body = event.body or ""
    try:
        content = base64.b64decode(body, validate=True) if event.is_base64_encoded else body.encode()
        if len(content) > MOST_BODY_BYTES:
            raise BodyTooLarge(
                f"expected a body of at most {MOST_BODY_BYTES:,} bytes, got {len(content):,}: split the request"
            )
        # Some Windows programs put a byte order mark before the text.
        return content.decode().removeprefix("\ufeff")
    except ValueError as error:
        raise MalformedBody(f"expected a body of UTF-8 text: {error}") from error
