"""Make the API's OpenAPI 3.1 document from the table of operations and from the types of the code.

This command writes the copy in the documentation:

    PYTHONPATH=layers/shared/python .venv/bin/python -m voucher_selection.api.openapi > docs/openapi.json
"""

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from pydantic import TypeAdapter

from voucher_selection.api import problems
from voucher_selection.api.http_answers import REQUEST_ID
from voucher_selection.api.operations import HTML, OPERATIONS, TAGS, Content, Operation, Schema
from voucher_selection.contract.api import API_KEY_REQUIRED, OF_EVERY_ROUTE, SIGNATURE_REQUIRED, Auth, GatewayProblem
from voucher_selection.contract.version import VERSION

type Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_DESCRIPTION = (
    "The voucher amount used most in a customer's segment. Problems follow RFC 9457, with a stable `code`; if `Accept`"
    " prefers a page, they are one. Every GET also answers HEAD and has an ETag. OPTIONS lists a path's methods."
)


class _Proof(NamedTuple):
    """How callers prove their identity: the scheme's name and definition, and the problem's code without proof."""

    scheme: str
    definition: Json
    refusal: GatewayProblem


_PROOFS = {
    "api_key": _Proof("apiKey", {"type": "apiKey", "in": "header", "name": "x-api-key"}, API_KEY_REQUIRED),
    "iam": _Proof(
        "signature",
        {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "AWS Signature Version 4",
            "x-amazon-apigateway-authtype": "awsSigv4",
        },
        SIGNATURE_REQUIRED,
    ),
}
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@cache
def document(auth: Auth) -> Json:
    """Return the document of a stage with this kind of authentication.

    The server's address is the folder of the document, so that it is right under every stage and domain.
    """
    schemas: Json = {}
    problem = _schema(problems.ProblemBody, schemas)
    paths: Json = {}
    refusals: Json = {}
    for operation in OPERATIONS:
        proof = _proof(operation, auth)
        described = _operation(operation, problem, schemas, refusals, proof)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    components: Json = {"schemas": schemas, "responses": refusals, "headers": _headers()}
    if auth in _PROOFS:
        components["securitySchemes"] = {_PROOFS[auth].scheme: _PROOFS[auth].definition}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Voucher Selection", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "./"}],
        "tags": [tag._asdict() for tag in TAGS],
        "paths": paths,
        "components": components,
    }


def as_text(auth: Auth) -> str:
    """Return the document as the text of a file."""
    return json.dumps(document(auth), indent=2) + "\n"


def _operation(operation: Operation, problem: Json, schemas: Json, refusals: Json, proof: _Proof | None) -> Json:
    described: Json = {"operationId": _id(operation), "summary": operation.summary, "tags": [operation.tag.name]}
    if operation.description:
        described["description"] = operation.description
    described["security"] = [{proof.scheme: []}] if proof else []
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in operation.parameters.items()
    ]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    if operation.method == "GET":
        parameters.append({"name": "If-None-Match", "in": "header", "schema": {"type": "string"}})
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {
            "required": True,
            "content": {operation.body.media_type: _content(operation.body, schemas)},
        }
    described["responses"] = _answers(operation, schemas)
    for status, codes in _refusals(operation, proof).items():
        content = _problem_content(status, codes, problem)
        if answered := described["responses"].get(str(status.value)):
            answered["content"] |= content
            continue
        name = "_or_".join(codes)
        refusals[name] = _response(status.phrase, _problem_headers(status), content)
        described["responses"][str(status.value)] = {"$ref": f"#/components/responses/{name}"}
    described["responses"] = dict(sorted(described["responses"].items()))
    return described


def _proof(operation: Operation, auth: Auth) -> _Proof | None:
    """Return what an operation asks of its caller; a page's shell can keep a key, but cannot sign."""
    is_open = operation.is_open or (operation.is_shell and auth == "api_key")
    return None if is_open else _PROOFS.get(auth)


def _id(operation: Operation) -> str:
    """Return the operation's name for generated clients: the method and the path, as one word."""
    words = operation.path.replace(".", "_").replace("{", "").replace("}", "")
    return operation.method.lower() + words.replace("/", "_")


def _answers(operation: Operation, schemas: Json) -> Json:
    """Return the responses that are not problems. Those of a GET may be kept, and have an ETag."""
    kept = [REQUEST_ID, "ETag", "Cache-Control"] if operation.method == "GET" else [REQUEST_ID]
    described: Json = {}
    for status, bodies in operation.answers.items():
        contents = {body.media_type: _content(body, schemas) for body in bodies}
        if status is HTTPStatus.OK:
            described[str(status.value)] = _response(operation.summary, kept, contents)
        else:
            described[str(status.value)] = _response(status.phrase, _problem_headers(status), contents)
    if operation.method == "GET":
        described[str(HTTPStatus.NOT_MODIFIED.value)] = _response(HTTPStatus.NOT_MODIFIED.phrase, kept, {})
    return described


def _problem_content(status: HTTPStatus, codes: list[str], problem: Json) -> Json:
    facts = {"properties": {"status": {"const": status.value}, "code": {"enum": codes}}}
    return {
        problems.CONTENT_TYPE: {"schema": {"allOf": [problem, facts]}},
        HTML: {"schema": {"type": "string"}},
    }


def _problem_headers(status: HTTPStatus) -> list[str]:
    return [REQUEST_ID, "Retry-After"] if status in _RETRIED else [REQUEST_ID]


def _response(description: str, headers: list[str], contents: Json) -> Json:
    response: Json = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    return response | {"content": contents} if contents else response


def _refusals(operation: Operation, proof: _Proof | None) -> dict[HTTPStatus, list[str]]:
    """Return the codes of an operation's problems by status: its own, and those that every operation may have."""
    found: dict[HTTPStatus, list[str]] = {}
    for status, code in _codes(operation, proof):
        if code not in found.setdefault(status, []):
            found[status].append(code)
    return found


def _codes(operation: Operation, proof: _Proof | None) -> Iterator[tuple[HTTPStatus, str]]:
    yield from (problems.PROBLEMS[error] for error in operation.refusals)
    yield problems.OUR_FAULT.status, problems.OUR_FAULT.code
    yield from OF_EVERY_ROUTE
    if proof:
        yield proof.refusal


def _headers() -> Json:
    described = {
        REQUEST_ID: "The request's id, also in its log lines",
        "ETag": "A value for `If-None-Match`",
        "Cache-Control": "How long the answer may be kept",
        "Retry-After": "Try again after this many seconds",
    }
    return {
        name: {"description": text, "required": name != "Retry-After", "schema": {"type": "string"}}
        for name, text in described.items()
    }


def _content(body: Content, schemas: Json) -> Json:
    described: Json = {"schema": _schema(body.schema, schemas)}
    return described if body.example is None else described | {"example": body.example}


def _schema(schema: Schema, schemas: Json) -> Json:
    """Return the schema of a body; a type's schema goes to the components, with those of the types in it."""
    if isinstance(schema, dict):
        return schema
    found = TypeAdapter(cast("Any", schema)).json_schema(ref_template=_REF)
    schemas.update(found.pop("$defs", {}))
    schemas.setdefault(schema.__name__, found)
    return {"$ref": _REF.format(model=schema.__name__)}
