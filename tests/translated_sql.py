"""SQL of a dialect that cannot be run here, translated for DuckDB by a parser that knows the dialect."""

import re

import sqlglot
from sqlglot import exp

from voucher_selection.domain.sql_dialects import DIALECTS, DialectName
from voucher_selection.domain.white_space import SPACES


def parsed(query: str, dialect: DialectName) -> exp.Expression:
    """Return the only statement of a query."""
    (statement,) = sqlglot.parse(query, read=dialect)
    assert statement is not None
    return statement


def for_duckdb(query: str, dialect: DialectName) -> str:
    """Return a query of a dialect as DuckDB runs it."""
    return _as_duckdb(parsed(query, dialect)).sql(dialect="duckdb")


def texts_of(statement: exp.Expression) -> set[str]:
    """Return all texts that the literals of a statement are."""
    found = _as_duckdb(statement).walk()
    return {_joined(node) for node in found if isinstance(node, exp.Literal | exp.Paren | exp.Chr)}


def _as_duckdb(statement: exp.Expression) -> exp.Expression:
    """Write what the parser leaves as it is; the rest of the translation is the parser's own."""
    # Each by itself: the parts of what is replaced are not visited.
    for rule in (_without_order, _row, _mysql_text, _athena_text, _postgres_text, _duckdb_text):
        statement = statement.transform(rule)
    return statement


def _without_order(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Collate) else node


def _row(node: exp.Expression) -> exp.Expression:
    is_row = isinstance(node, exp.Tuple) and isinstance(node.expressions[0], exp.Anonymous)
    return exp.Tuple(expressions=node.expressions[0].expressions) if is_row else node


def _mysql_text(node: exp.Expression) -> exp.Expression:
    """Return what MySQL's `CONVERT(… USING utf8mb4)` makes."""
    if not isinstance(node, exp.Cast) or node.to.this is not exp.DType.CHARACTER_SET:
        return node
    if isinstance(node.this, exp.HexString):
        return exp.Literal.string(bytes.fromhex(node.this.this).decode())
    return exp.cast(node.this, "text")


def _athena_text(node: exp.Expression) -> exp.Expression:
    if not isinstance(node, exp.UnicodeString):
        return node
    return exp.Literal.string(
        re.sub(r"\\\+([0-9A-F]{6})|\\\\", lambda f: chr(int(f[1], 16)) if f[1] else "\\", node.this)
    )


def _postgres_text(node: exp.Expression) -> exp.Expression:
    return exp.Literal.string(node.this) if isinstance(node, exp.ByteString) else node


def _duckdb_text(node: exp.Expression) -> exp.Expression:
    return _text(node.this) if isinstance(node, exp.Literal) and node.is_string else node


def _text(value: str) -> exp.Expression:
    # DuckDB takes some white space in a literal for a blank, and its patterns have another escape for Unicode.
    pattern = value.replace("[:space:]", "".join(f"\\u{ord(character):04x}" for character in SPACES))
    pattern = re.sub(r"\\u([0-9a-f]{4})(?=.*\]\+\$)", r"\\x{\1}", pattern)
    return exp.Literal.string(pattern) if pattern.isprintable() else _coded(pattern)


def _coded(value: str) -> exp.Expression:
    return sqlglot.parse_one(DIALECTS["duckdb"].text(value), read="duckdb")


def _joined(node: exp.Expression) -> str:
    return "".join(
        chr(int(part.parent.name or part.name)) if isinstance(part.parent, exp.Chr) else part.name
        for part in node.find_all(exp.Literal, bfs=False)
    )
