"""Every kind of run, in an order in which each builds on the one before, compared with the right answers."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.given import COUNTRY, CUR_DATE, LATER, NO_GATE, Given, amounts
from voucher_selection.adapters.state_machine import Execution

PART = "Runs"
_ROWS, _MORE_ROWS, _CUSTOMERS = 50_000, 20_000, 900
_WINDOW = (date(2018, 7, 1), date(2018, 8, 31))
_STRICT_GATE = NO_GATE | {"most_lost_segments": 0}
_FAR = date(2020, 1, 1)

# What each of these inputs must end in, by what is wrong.
_REFUSED = {
    "a source that does not exist": ({"source": "uploads/nowhere.parquet"}, "SourceNotFound"),
    "a file that is no parquet": ({"source": "uploads/proof/words.parquet"}, "NotParquet"),
    "a file without the columns": ({"source": "uploads/proof/other.parquet"}, "WrongSchema"),
    "a mode that does not exist": ({"mode": "everything"}, "InvalidRequest"),
    "a rollback to a version that does not exist": ({"mode": "rollback", "version": "nowhere"}, "NoVersion"),
    "a date that is no date": ({"mode": "remodel", "cur_date": "yesterday"}, "InvalidRequest"),
}


class Runs:
    """The runs of a proof on a deployment, and what they must end in."""

    def __init__(self, deployed: Deployed, evidence: Evidence) -> None:
        self._deployed, self._evidence = deployed, evidence
        self._first, self._second = Given.sample(_ROWS, 2018), Given.sample(_MORE_ROWS, 2019)
        self._history = deployed.upload("proof/history/first.parquet", self._first.table)
        self._delivery = deployed.upload("proof/delivery/second.parquet", self._second.table)
        self._full: dict[str, Any] = {"source": self._history, "countries": [COUNTRY], "gate": NO_GATE}

    def all(self) -> None:
        """Run every kind of run."""
        first = self._whole()
        self._overlapping(first)
        self._replacing()
        self._other_models()
        self._refreshes()
        self._assigned()
        self._refused()

    def whole_history(self) -> dict[str, Any]:
        """Return the request of a full run over the first history, and what it must serve."""
        return {**self._full, "cur_date": str(CUR_DATE)}

    def check_whole(self, tried: str, execution: Execution) -> str:
        """Check a full run over the first history; return its version."""
        return self._check_published(tried, execution, self._first.rows)

    def _whole(self) -> str:
        execution = self._ran(self.whole_history())
        version = self.check_whole("full: the first history", execution)
        self._check_rows("full: what became of its rows", execution, self._first.rows)
        return version

    def _overlapping(self, first: str) -> None:
        append = {"mode": "append", "source": self._delivery, "gate": NO_GATE, "cur_date": str(CUR_DATE)}
        both = [*self._first.rows, *self._second.rows]
        held = self._ran(append)
        self._check_refused("append: days that are counted already", held, "DeliveryOverlaps")
        approved = self._ran({"mode": "approve", "run_id": held.run_id, "overlap": "add"})
        self._check_published("approve: add them", approved, both)
        again = self._ran(append)
        self._check_outcome("append: the same delivery again", again, "nothing_new")
        back = self._ran({"mode": "rollback"})
        self._check_published("rollback: what was served before", back, self._first.rows)
        self._evidence.compare(PART, "rollback: the version", first, self._deployed.served_version())

    def _replacing(self) -> None:
        request = {"mode": "append", "source": self._delivery, "overlap": "replace", "gate": NO_GATE}
        execution = self._ran({**request, "cur_date": str(CUR_DATE)})
        self._check_published("append: its days replace the counted ones", execution, self._replaced)

    @property
    def _replaced(self) -> list[dict[str, Any]]:
        return [*self._first.without(self._second.days), *self._second.rows]

    def _other_models(self) -> None:
        remodel = {"mode": "remodel", "gate": NO_GATE}
        later = self._ran({**remodel, "cur_date": str(LATER)})
        self._check_published(f"remodel: CUR_DATE {LATER}", later, self._replaced, LATER)
        window = {"from": str(_WINDOW[0]), "to": str(_WINDOW[1])}
        within = self._ran({**remodel, "cur_date": str(CUR_DATE), "window": window})
        self._check_published(f"remodel: the days {_WINDOW[0]} to {_WINDOW[1]}", within, self._replaced, window=_WINDOW)
        served = self._deployed.served_version()
        asked = self._ran({**remodel, "cur_date": str(LATER), "publish": False})
        self._check_outcome("remodel: only a what-if", asked, "what_if")
        self._evidence.compare(PART, "remodel: a what-if leaves the model", served, self._deployed.served_version())
        found = self._deployed.asked("what_if", {"cur_date": str(LATER), "window": "all"})
        self._compare_amounts("POST /what_if: every count", found, self._replaced, LATER)
        self._check_published(
            "remodel: all days again",
            self._ran({**remodel, "cur_date": str(CUR_DATE), "window": "all"}),
            self._replaced,
        )

    def _refreshes(self) -> None:
        served = self._deployed.served_version()
        far = {"mode": "remodel", "cur_date": str(_FAR), "gate": _STRICT_GATE}
        held = self._ran(far)
        self._check_refused("remodel: the gate holds it back", held, "HeldBack")
        refresh = self._ran({**far, "scheduled": True})
        self._evidence.compare(PART, "refresh: held back without a failure", "SUCCEEDED", refresh.status)
        self._evidence.compare(PART, "refresh: the model stays", served, self._deployed.served_version())
        approved = self._ran({"mode": "approve", "run_id": held.run_id})
        self._check_published("approve: what the gate held back", approved, self._replaced, _FAR)
        back = self._ran({"mode": "rollback", "version": served})
        self._check_published("rollback: to a version by its name", back, self._replaced)

    def _assigned(self) -> None:
        customers = self._second.table.select(["country_code", "total_orders", "last_order_ts", "first_order_ts"])
        customers = customers.slice(0, _CUSTOMERS).append_column("customer_id", pa.array(range(_CUSTOMERS)))
        source = self._deployed.upload("proof/customers.parquet", customers)
        run = self._ran({"mode": "assign", "customers": source, "segment_name": "frequent_segment"})
        if not self._check_outcome("assign: 900 customers", run, "assigned"):
            return
        output = self._deployed.asked(f"executions/{run.run_id}")["summary"]["output"]
        rows = self._deployed.read_folder(output).to_pylist()
        asked = [{**row, "segment_name": "frequent_segment"} for row in customers.to_pylist()]
        for customer in asked:
            customer["first_order_ts"] = customer["first_order_ts"] and str(customer["first_order_ts"])
        answers = self._deployed.asked("vouchers", {"customers": asked})["vouchers"]
        given = {row["customer_id"]: row["voucher_amount"] for row in rows}
        told = {answer["customer_id"]: answer.get("voucher_amount") for answer in answers}
        self._evidence.compare(
            PART, "assign: what POST /vouchers answers for each", told, given, says=f"{len(told)} customers"
        )

    def _refused(self) -> None:
        bucket, served = self._deployed.outputs["BucketName"], self._deployed.served_version()
        self._deployed.upload("proof/words.parquet", b"no parquet at all")
        self._deployed.upload("proof/other.parquet", pa.table({"name": ["Ana"]}))
        for tried, (request, error) in _REFUSED.items():
            source = {"source": f"s3://{bucket}/{request['source']}"} if "source" in request else {}
            self._check_refused(f"refused: {tried}", self._ran({**request, **source}), error)
        self._evidence.compare(PART, "refused: the model stays", served, self._deployed.served_version())

    def _ran(self, request: dict[str, Any]) -> Execution:
        return self._deployed.ended(self._deployed.start(request))

    def _check_refused(self, tried: str, execution: Execution, error: str) -> None:
        self._evidence.compare(PART, tried, f"FAILED {error}", f"{execution.status} {execution.error}")

    def _check_outcome(self, tried: str, execution: Execution, outcome: str) -> bool:
        report = self._deployed.asked(f"executions/{execution.run_id}")
        came = report["outcome"] or f"{execution.status} {execution.error}: {execution.cause}"
        return self._evidence.compare(PART, tried, outcome, came)

    def _check_rows(self, tried: str, execution: Execution, rows: Sequence[dict[str, Any]]) -> None:
        fate, _ = amounts(rows)
        found = self._deployed.asked(f"executions/{execution.run_id}")["rows"] or {}
        kinds = {"kept": found.get("kept"), "other_country": found.get("other_country"), **found.get("rejected", {})}
        came = {kind: count for kind, count in kinds.items() if count}
        self._evidence.compare(PART, tried, dict(fate), came, says=f"{sum(fate.values()):,} rows, rule by rule")

    def _check_published(
        self,
        tried: str,
        execution: Execution,
        rows: Sequence[dict[str, Any]],
        cur_date: date = CUR_DATE,
        window: tuple[date, date] | None = None,
    ) -> str:
        """Check that a run published the model of some rows; return the version that is served."""
        report = self._deployed.asked(f"executions/{execution.run_id}")
        if report["outcome"] != "published":
            came = report["outcome"] or f"{execution.status} {execution.error}: {execution.cause}"
            self._evidence.compare(PART, tried, "published", came)
            return self._deployed.served_version()
        served = self._deployed.await_version(report["version"])
        if served != report["version"]:
            self._evidence.compare(PART, f"{tried}: the served version", report["version"], served)
        else:
            self._compare_amounts(tried, self._deployed.asked("selection_criteria"), rows, cur_date, window)
        return served

    def _compare_amounts(
        self,
        tried: str,
        answer: dict[str, Any],
        rows: Sequence[dict[str, Any]],
        cur_date: date = CUR_DATE,
        window: tuple[date, date] | None = None,
    ) -> None:
        _, expected = amounts(rows, cur_date, window)
        came = {
            (segment["segment_name"], segment["segment"]): {
                given["voucher_amount"]: given["count"] for given in segment["assignments"]
            }
            for segment in answer["segments"]
        }
        counts = sum(len(of_segment) for of_segment in expected.values())
        says = f"{counts} counts of {len(expected)} segments as they should be"
        self._evidence.compare(PART, tried, expected, came, says=says)
