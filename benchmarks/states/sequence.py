"""One sequence of steps: each is done at a place and in the model of it, and all that can be asked is compared."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from benchmarks.states.drawn import SOURCES, Step, customers
from benchmarks.states.expected import Deployment
from benchmarks.states.models import Facts, Refused, Settings, criteria, report, spelling
from benchmarks.states.place import Ended, Place, put, read

_VERSION = re.compile(r"\d{8}T\d{9}Z-")


class Difference(AssertionError):
    """Something that came is not what had to come."""


class Sequence:
    """A sequence at a place that was empty before it."""

    def __init__(self, place: Place, settings: Settings, seed: int) -> None:
        self._place, self._seed = place, seed
        self._expected = Deployment(settings)
        self._runs: list[str] = []
        self._versions: dict[str, str] = {}
        self._step = 0
        self.ends: dict[str, int] = {}

    def perform(self, step: Step) -> None:
        """Do a step, and compare; raise `Difference` if something else comes than has to come."""
        self._step += 1
        getattr(self, f"_{step['do']}")(step)
        if step["do"] not in {"put", "remove"} and not (self._place.has_model and self._expected.model is None):
            self._compare_model()
            self._compare_lookups()

    def _put(self, step: Step) -> None:
        self._expected.objects[step["key"]] = put(self._place, step["key"], step["rows"])

    def _remove(self, step: Step) -> None:
        self._place.s3.delete_object(Bucket=self._place.bucket, Key=step["key"])
        self._expected.objects.pop(step["key"], None)

    def _full(self, step: Step) -> None:
        self._run(_request(step) | {"source": SOURCES + step["source"]})

    def _append(self, step: Step) -> None:
        self._run(_request(step) | {"mode": "append", "source": SOURCES + step["source"]})

    def _remodel(self, step: Step) -> None:
        self._run({"mode": "remodel", **self._of_a_run(step)})

    def _what_if(self, step: Step) -> None:
        request = self._of_a_run(step)
        try:
            said = self._expected.asked("what-if", request)
            expected = {"error": None, **_part(said, "counts_run_id", "changes", "criteria")}
        except Refused as refused:
            expected = {"error": str(refused)}
        answer = self._place.ask("what_if", json.dumps(request))
        codes = {"no_counts": "NoCounts", "empty_window": "EmptyWindow"}
        came = answer.body if answer.status == 200 else {}
        error = None if answer.status == 200 else codes.get(answer.body.get("code"), str(answer.body))
        self._compare(f"POST /what_if {request}", expected, _said(came, error, expected))

    def _rollback(self, step: Step) -> None:
        newest_first = [each["version"] for each in self._expected.kept_versions()]
        known = [*newest_first, "nowhere"]
        named = {} if step["which"] is None else {"version": known[step["which"] % len(known)]}
        self._run({"mode": "rollback", **named})

    def _approve(self, step: Step) -> None:
        runs = (self._expected.held if step["held"] else self._runs) or ["nothing"]
        overlap = {"overlap": step["overlap"]} if "overlap" in step else {}
        self._run({"mode": "approve", "run_id": runs[-1 - step["which"] % len(runs)], **overlap})

    def _assign(self, step: Step) -> None:
        key = f"{SOURCES.replace('states', 'customers')}{self._step}.parquet"
        self._expected.objects[key] = put(self._place, key, step["rows"])
        asked = {name: value for name, value in step.items() if name not in {"do", "rows"}}
        self._run({"mode": "assign", "customers": key, **asked})

    def _drop(self, step: Step) -> None:
        self._put(step)
        name = step["key"].removeprefix("inbox/")
        result = self._place.settle(name)
        expected = self._expected.drop(result["run_id"], self._step, name)
        self._runs.append(result["run_id"])
        self._compare(f"the inbox: {name}", expected, {fact: result[fact] for fact in expected})
        self._count(expected["status"])

    def _run(self, request: Facts) -> None:
        ended = self._place.run(self._addressed(request))
        expected = self._expected.run(ended.run_id, self._step, request)
        self._runs.append(ended.run_id)
        self._compare(f"the run {request}", expected, self._of_record(ended, expected))
        self._count(expected["error"] or expected["outcome"])

    def _of_record(self, ended: Ended, expected: Facts) -> Facts:
        came = dict(ended.record)
        if ended.error is None and "vouchers" in expected:
            rows = sorted(read(self._place, came["output"]), key=lambda row: row["customer_id"])
            came["vouchers"] = [
                {name: row[name] for name in wanted} for row, wanted in zip(rows, expected["vouchers"], strict=True)
            ]
        if came.get("what_if_key"):
            written = self._place.s3.get_object(Bucket=self._place.bucket, Key=came["what_if_key"])
            came |= {"criteria": json.loads(written["Body"].read())}
        elif "criteria" in expected:  # what a remodel publishes is compared when it is served
            expected.pop("criteria")
        return _said(came, ended.error, expected)

    def _compare_model(self) -> None:
        model = self._expected.model
        listed = self._place.ask("versions").body["versions"]
        self._versions = {_named(each["version"]): each["version"] for each in listed}
        kept = [{**each, "expires": each["expires_at"] is not None} for each in listed]
        expected = self._expected.kept_versions()
        self._compare("GET /versions", expected, [_named(_part(each, *expected[0])) for each in kept])
        if model is None:
            for path in ("selection_criteria", "model"):
                self._compare(f"GET /{path}", "no_model", self._place.ask(path).body.get("code"))
            return
        served = criteria(model)
        self._compare("GET /selection_criteria", served, _criteria(self._place.ask("selection_criteria").body))
        came = self._place.ask("model").body
        came["leads"] = [_part(each, "runner_up", "lead", "evidence") for each in came["segments"]]
        wanted = report(model)
        self._compare("GET /model", wanted, _said(came, None, wanted))

    def _compare_lookups(self) -> None:
        asked = [*customers(Random(f"{self._seed} {self._step}"), self._expected.model)]
        for customer in asked[-3:]:
            body = json.dumps(customer)
            answer = _answered(self._place.ask("voucher", body).body)
            self._compare(f"POST /voucher {body}", self._expected.answer(customer), answer)
        self._compare("POST /voucher {", "malformed_json", self._place.ask("voucher", "{").body["code"])
        several = self._place.ask("vouchers", json.dumps({"customers": asked})).body
        expected = [self._expected.answer(customer) for customer in asked]
        if self._expected.model is None:
            self._compare("POST /vouchers", "no_model", several.get("code"))
            return
        came = [_answered(each.get("problem", each)) for each in several["vouchers"]]
        for customer, wanted, found in zip(asked, expected, came, strict=True):
            wanted.pop("model", None)
            self._compare(f"POST /vouchers {json.dumps(customer)}", wanted, found)

    def _compare(self, what: str, expected: Any, came: Any) -> None:  # noqa: ANN401 - any JSON
        # the lists of answers are lists, those of the model may be tuples
        expected, came = (json.loads(json.dumps(each, sort_keys=True)) for each in (expected, _named(came)))
        if expected != came:
            raise Difference(f"step {self._step}, {what}:\n  expected {_differing(expected, came)}")

    def _of_a_run(self, step: Step) -> Facts:
        runs = self._runs or ["nothing"]
        named = {"run_id": runs[-1 - step["which"] % len(runs)]} if "which" in step else {}
        return _request(step) | named

    def _addressed(self, request: Facts) -> Facts:
        """Return a request with the whole addresses of its files, and the whole name of its version."""
        places = {
            name: f"s3://{self._place.bucket}/{request[name]}" for name in ("source", "customers") if name in request
        }
        version = request.get("version")
        return request | places | ({"version": self._versions.get(version, version)} if version else {})

    def _count(self, end: str) -> None:
        self.ends[end] = self.ends.get(end, 0) + 1


def smallest(steps: list[Step], differs: Callable[[list[Step]], bool]) -> list[Step]:
    """Leave out steps as long as a sequence still differs."""
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            shorter = steps[:start] + steps[start + size :]
            if shorter and differs(shorter):
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def _request(step: Step) -> Facts:
    return {name: value for name, value in step.items() if name not in {"do", "which"}}


def _said(came: Facts, error: str | None, expected: Facts) -> Facts:
    """Return the facts that are expected, as far as they came."""
    found = {"error": error, **came}
    if isinstance(expected.get("changes"), dict):
        # JSON has no keys of several parts
        expected["changes"] = sorted([[*key], *amounts] for key, amounts in expected["changes"].items())
        found["changes"] = sorted(
            [
                [spelling(each["country_code"]), each["segment_name"], each["segment"]],
                each["served_amount"],
                each["amount"],
            ]
            for each in found.get("changes", [])
        )
    if "criteria" in expected:
        found["criteria"] = _criteria(found.get("criteria", found))
        if "model" in found["criteria"]:
            of_model = found["criteria"]["model"]
            of_model["version"] = of_model["run_id"] = "what-if"
            expected["criteria"]["model"] |= {"version": "what-if", "run_id": "what-if"}
    if isinstance(found.get("rows"), dict):
        found["rows"] = _part(found["rows"], "rows_read", "other_country", "kept", "replaced", "rejected")
    if isinstance(found.get("window"), dict):
        found["window"] = {name: bound for name, bound in found["window"].items() if bound is not None}
    return _part(found, *expected)


def _criteria(body: Facts) -> Facts:
    if "segments" not in body:
        return body
    model = _part(body["model"], "version", "run_id", "cur_date", "window")
    return {"model": model, "segments": body["segments"], "country_modes": body["country_modes"]}


def _answered(body: Facts) -> Facts:
    return {"code": body["code"]} if "code" in body else body


def _part(facts: Facts, *names: str) -> Facts:
    return {name: facts[name] for name in names if name in facts}


def _named(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with the names of versions as the model of it has them."""
    if isinstance(value, dict):
        return {name: _named(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each) for each in value]
    return _VERSION.sub("", value) if isinstance(value, str) else value


def _differing(expected: Any, came: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the parts that differ, in words."""
    if isinstance(expected, dict) and isinstance(came, dict):
        names = [name for name in expected.keys() | came.keys() if expected.get(name) != came.get(name)]
        expected, came = (_part(each, *sorted(names)) for each in (expected, came))
    return f"{json.dumps(expected)[:3_000]}\n  got      {json.dumps(came)[:3_000]}"
