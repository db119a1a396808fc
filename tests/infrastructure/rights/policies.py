"""Policies of IAM, and what they decide about a request.

A small evaluator of our own: the maintained one (`@cloud-copilot/iam-simulate`) has the AGPL, and moto's ignores
resources and conditions. It knows what the policies of the stack use, and refuses everything else.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, Self

from tests.infrastructure.rights.named import NamedTemplate

type Context = frozenset[tuple[str, str]]


class Request(NamedTuple):
    """What somebody wants to do: an action on a resource, with the values of condition keys by their names."""

    action: str
    resource: str
    context: Context = frozenset()

    @classmethod
    def of(cls, action: str, resource: str, **context: str) -> Self:
        """Return a request; in the names of condition keys, `__` stands for a colon."""
        return cls(action, resource, frozenset((name.replace("__", ":"), value) for name, value in context.items()))


class Condition(NamedTuple):
    """One condition: it holds if the request's value of the key fits one of the values."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, request: Request) -> bool:
        """Return whether the condition holds for a request."""
        known = dict(request.context)
        if self.operator == "Null":
            return str(self.key not in known).lower() in self.values
        if self.key not in known:
            return False
        fits = _OPERATORS[self.operator]
        return any(fits(value, known[self.key]) for value in self.values)


class Statement(NamedTuple):
    """One action on one resource that a policy allows or denies. A statement of a policy is several of these."""

    owner: str
    effect: str
    action: str
    resource: str
    conditions: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        """Return the statement in one line."""
        conditions = "".join(f" if {key} {operator} {values}" for operator, key, values in self.conditions)
        return f"{self.effect} {self.action} on {self.resource}{conditions}"

    def matches(self, request: Request) -> bool:
        """Return whether the statement is about a request."""
        return (
            fits(self.action.lower(), request.action.lower())
            and fits(self.resource, request.resource)
            and all(condition.holds(request) for condition in self.conditions)
        )


def statements_of(owner: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield what a policy allows or denies; a list of `StringLike` values gives a statement for each value."""
    for statement in document["Statement"]:
        for action in many(statement["Action"]):
            for resource in many(statement.get("Resource", "*")):
                for conditions in _conditions(statement.get("Condition", {})):
                    yield Statement(owner, statement["Effect"], action, resource, conditions)


def _conditions(given: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Condition, ...]]:
    """Yield the conditions of a statement, once for each value of its first key: any of these is enough."""
    found = [
        Condition(operator, key, tuple(map(str, many(values))))
        for operator, keys in given.items()
        for key, values in keys.items()
    ]
    if not found:
        yield ()
        return
    first, *others = found
    for value in first.values:
        yield (first._replace(values=(value,)), *others)


def policies_of_roles(template: NamedTemplate) -> dict[str, list[Statement]]:
    """Return what each role of a stack may do by its own policies, by its logical id without the hash."""
    found = {
        role: [
            statement
            for policy in properties.get("Policies", [])
            for statement in statements_of(role, policy["PolicyDocument"])
        ]
        for role, properties in template.resources("AWS::IAM::Role")
    }
    by_name = {template.arn(role).rpartition("/")[2]: role for role in found}
    for _, properties in template.resources("AWS::IAM::Policy"):
        for name in properties["Roles"]:
            found[by_name[name]] += statements_of(by_name[name], properties["PolicyDocument"])
    return found


def is_allowed(statements: Iterable[Statement], request: Request) -> bool:
    """Return whether statements allow a request: one allows it, and none denies it."""
    effects = {statement.effect for statement in statements if statement.matches(request)}
    return effects == {"Allow"}


def used_by(statements: Iterable[Statement], requests: Iterable[Request]) -> set[Statement]:
    """Return the statements that are about some of the requests."""
    asked = list(requests)
    return {statement for statement in statements if any(map(statement.matches, asked))}


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    found = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(found, re.DOTALL)


def fits(pattern: str, value: str) -> bool:
    """Return whether a text fits a pattern, in which `*` is any text and `?` any character.

    If the text is itself a pattern, this means that whatever fits the text fits the pattern, too.
    """
    return _pattern(pattern).fullmatch(value) is not None


def many(value: Any) -> list[Any]:
    """Return a list: a policy may have one text in its place."""
    return value if isinstance(value, list) else [value]


def _equals(expected: str, value: str) -> bool:
    return expected == value


def _below(expected: str, value: str) -> bool:
    return float(value) < float(expected)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": fits,  # as ArnLike: the two are the same
    "ArnLike": fits,
    "Bool": _equals,
    "NumericLessThan": _below,
    "StringEquals": _equals,
    "StringLike": fits,
}
