"""What has to come of runs, in plain Python and in the words of the docs: the runs, and the versions that they serve.

Nothing of the product's code is used. What the values of a row mean, and which rule a row breaks, is the reference's.
A version is named by its run: the driver knows the rest of its name.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from benchmarks.states.answers import voucher
from benchmarks.states.gate import check_gate
from benchmarks.states.models import (
    Counts,
    Facts,
    Model,
    Refused,
    Row,
    Settings,
    criteria,
    model_of,
    most_used,
    rows_of,
    spelling,
)
from local.quickstart.proof import reference

_TIMES = ("timestamp", "last_order_ts", "first_order_ts")
_HELD = ("HeldBack", "RefreshHeldBack", "DeliveryOverlaps")
# A version follows another by a millisecond; runs start seconds apart.
_NEXT = 0.001


@dataclass(frozen=True)
class Stored:
    """An object at a source: its name there with its content, and its rows as written; None: it lacks the columns."""

    identity: str
    rows: Sequence[Row] | None


@dataclass(frozen=True)
class Plan:
    """A run over a history, as it was planned."""

    run_id: str
    start: float
    request: Facts
    countries: tuple[str, ...]
    definitions: Facts
    files: Sequence[Stored]
    known: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()


@dataclass
class Deployment:
    """A deployment: its objects, its counts, its versions, and how its runs ended."""

    settings: Settings
    objects: dict[str, Stored] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    versions: dict[str, Model] = field(default_factory=dict)
    served: str | None = None
    previous: str | None = None
    newest: float = 0
    ended: dict[str, tuple[float, Facts, str | None]] = field(default_factory=dict)

    @property
    def model(self) -> Model | None:
        """The served model."""
        return self.versions[self.served] if self.served else None

    @property
    def held(self) -> list[str]:
        """The runs that were held back, and may be approved."""
        return [run_id for run_id, (_, _, error) in self.ended.items() if error in _HELD]

    def run(self, run_id: str, start: float, request: Facts) -> Facts:
        """Do a run; return what its record must have: its `error`, or its `outcome` with further facts."""
        kind = request.get("mode", "full")
        try:
            facts: Facts = getattr(self, f"_{kind}")(run_id, start, request)
        except Refused as refused:
            self.ended[run_id] = (start, request, str(refused))
            return {"error": str(refused)}
        self.ended.setdefault(run_id, (start, request, None))
        return {"error": None, **facts}

    def drop(self, run_id: str, start: float, name: str) -> Facts:
        """Take an object of the inbox in a run of its own; return what its result must have."""
        request: Facts = {"source": "inbox/", "files": [name], "unusable": "leave_out"}
        request |= {"mode": "append", "overlap": self.settings.inbox_overlap} if self.served else {}
        came = self.run(run_id, start, request)
        error = came["error"]
        if error is None:
            return {"status": "counted" if came["outcome"] == "published" else "counted_before", "error": None}
        if error == "NoUsableFiles":
            return {"status": "refused", "error": "WrongSchema"}
        statuses = {"DeliveryOverlaps": "held_back", "NothingKept": "refused"}
        return {"status": statuses.get(error, "failed"), "error": error}

    def _full(self, run_id: str, start: float, request: Facts) -> Facts:
        countries = tuple(request.get("countries") or self.settings.countries)
        files, _ = self._landed(request, frozenset())
        self.plans[run_id] = Plan(run_id, start, request, countries, self.settings.segments, files)
        return self._publish_whole(self.plans[run_id], request.get("gate") or {})

    def _append(self, run_id: str, start: float, request: Facts) -> Facts:
        if self.model is None:
            raise Refused("NoCounts")
        counted = self.model.counts
        named = request.get("countries")
        if named and {*map(spelling, named)} != {*map(spelling, counted.countries)}:
            raise Refused("OtherCountries")
        replaces = request.get("overlap") == "replace"
        files, known = self._landed(request, frozenset() if replaces else counted.objects)
        again = counted.objects & {file.identity for file in files}
        self.plans[run_id] = Plan(
            run_id, start, request, counted.countries, self.model.definitions, files, known, again
        )
        return self._publish_addition(self.plans[run_id], request.get("overlap", "refuse"), request.get("gate") or {})

    def _remodel(self, run_id: str, start: float, request: Facts) -> Facts:
        if request.get("publish", True) is False:
            return self.asked(run_id, request) | {"outcome": "what_if", "published": False}
        return self._publish_remodel(run_id, start, request, request.get("gate") or {})

    def _rollback(self, _run_id: str, _start: float, request: Facts) -> Facts:
        if self.served is None:
            raise Refused("NoModel")
        to = request.get("version") or self.previous
        if to is None:
            raise Refused("NoVersion")
        if to == self.served:
            return {"outcome": "nothing_new", "published": False, "version": to, "previous_version": self.previous}
        if to not in self.versions or self.versions[to].expires:
            raise Refused("NoVersion")
        self.served, self.previous = to, self.served
        self._keep()
        return {"outcome": "published", "published": True, "version": to, "previous_version": self.previous}

    def _approve(self, _run_id: str, _start: float, request: Facts) -> Facts:
        approved = request["run_id"]
        start, asked, error = self.ended.get(approved, (0, {}, None))
        kind, overlap = asked.get("mode", "full"), request.get("overlap")
        if error not in _HELD or kind == "approve" or (overlap and kind != "append"):
            raise Refused("NotHeldBack")
        if kind == "remodel":
            facts = self._publish_remodel(approved, start, {**asked, "scheduled": False}, {})
        elif kind == "full":
            facts = self._publish_whole(self.plans[approved], {})
        else:
            plan = self.plans[approved]
            if overlap == "replace" and plan.known:
                raise Refused("NotHeldBack")
            facts = self._publish_addition(plan, overlap or asked.get("overlap", "refuse"), {})
        self.ended[approved] = (start, asked, None)
        return {
            "outcome": facts["outcome"],
            "published": facts["published"],
            "approved_run_id": approved,
            "served_version": self.served,
        }

    def _assign(self, _run_id: str, _start: float, request: Facts) -> Facts:
        if self.model is None:
            raise Refused("NoModel")
        named = request.get("segment_name")
        if named and named not in [each["name"] for each in self.model.definitions["segmentations"]]:
            raise Refused("InvalidRequest")
        (file,), _ = self._landed({"source": request["customers"]}, frozenset())
        of_run = {name: request[name] for name in ("segment_name", "fallback", "least_support") if request.get(name)}
        answers = [self.answer({**row, **of_run}) for row in file.rows or ()]
        problems = Counter(answer["code"] for answer in answers if "code" in answer)
        return {
            "outcome": "assigned",
            "rows": len(answers),
            "assigned": len(answers) - problems.total(),
            "problems": dict(problems),
            "vouchers": [_assigned(answer) for answer in answers],
        }

    def asked(self, run_id: str, request: Facts) -> Facts:
        """Return what a what-if must say; raise `Refused` with the error's name."""
        return _what_if(self.model, self._made_again(run_id, 0, request))

    def answer(self, asked: object) -> Facts:
        """Return what `POST /voucher` must answer: a body, or the `code` of a problem."""
        if self.model is None:
            return {"code": "no_model"}
        try:
            return voucher(self.model, asked, self.settings)
        except Refused as refused:
            return {"code": str(refused)}

    def kept_versions(self) -> list[Facts]:
        """Return what `GET /versions` must list."""
        newest_first = sorted(self.versions.values(), key=lambda model: -model.place)
        return [
            {
                "version": model.run_id,
                "run_id": model.run_id,
                "cur_date": str(model.cur_date),
                "window": model.window,
                "counts_run_id": model.counts.run_id,
                "countries": list(model.counts.countries),
                "segments": len(model.segments),
                "is_served": model.run_id == self.served,
                "is_previous": model.run_id == self.previous,
                "expires": model.expires,
            }
            for model in newest_first
        ]

    def _landed(self, request: Facts, known: frozenset[str]) -> tuple[list[Stored], frozenset[str]]:
        """Return the files of a source that are read, and the objects that are left out as known."""
        source, names = request["source"], request.get("files")
        found = [each for key, each in sorted(self.objects.items()) if key == source or _is_in(key, source, names)]
        if not found:
            raise Refused("SourceNotFound")
        left_out = known & {each.identity for each in found}
        new = [each for each in found if each.identity not in left_out]
        files = [each for each in new if each.rows is not None]
        if len(files) < len(new):
            if request.get("unusable") != "leave_out":
                raise Refused("WrongSchema")
            if not files and not left_out:
                raise Refused("NoUsableFiles")
        return files, left_out

    def _cleaned(self, plan: Plan) -> tuple[Counter[str], list[Row]]:
        given = plan.request.get("null_dates")
        null_dates = self.settings.null_dates if given is None else given
        names = {spelling(name): name for name in plan.countries}
        totals: Counter[str] = Counter()
        kept = []
        for file in plan.files:
            for written in file.rows or ():
                row = _meant(written, null_dates)
                country = names.get(spelling(written["country_code"] or ""))
                fate = "other_country" if country is None else reference.broken_rule(row) or "kept"
                totals[fate] += 1
                if fate == "kept":
                    kept.append({**row, "country_code": country, "object": file.identity})
        totals["rows_read"] = totals.total()
        if plan.files and not kept:
            raise Refused("NothingKept")
        return totals, kept

    def _publish_whole(self, plan: Plan, gate: Facts) -> Facts:
        totals, kept = self._cleaned(plan)
        counts = Counts(plan.run_id, plan.countries, kept, frozenset(file.identity for file in plan.files), totals)
        model = self._made(plan, plan.start, counts, plan.definitions, window_of(plan.request) or {})
        check_gate(model, totals, self.model, gate)
        self.counts[plan.run_id] = counts
        self.versions[plan.run_id] = model
        is_newer = plan.start > self.newest
        if is_newer:
            self._serve(model)
        self._expire()
        return {
            **_of_history(plan, totals, model),
            "outcome": "published" if is_newer else "superseded",
            "published": is_newer,
            "counted_again": None,
            "base_run_id": None,
        }

    def _publish_addition(self, plan: Plan, overlap: str, gate: Facts) -> Facts:
        served = self.model
        if served is None:
            raise Refused("NoCounts")
        base = served.counts
        totals, kept = self._cleaned(plan)
        if {*map(spelling, plan.countries)} != {*map(spelling, base.countries)}:
            raise Refused("OtherCountries")
        plan, kept = _spelled(plan, kept, base.countries)
        identities = {file.identity for file in plan.files}
        if not plan.known | (identities & plan.again) <= base.objects:
            raise Refused("NoLongerCounted")
        is_known = identities <= base.objects
        nothing_new = {"outcome": "nothing_new", "published": False, "version": self.served, **rows_of(totals)}
        if is_known and overlap != "replace":
            self._expire()
            return nothing_new
        new = [row for row in kept if row["timestamp"] or row["object"] not in plan.again]
        before, delivered = _by_day(base.rows), _by_day(new)
        both = before.keys() & delivered.keys()
        if overlap == "refuse" and both:
            raise Refused("DeliveryOverlaps")
        replaces = overlap == "replace"
        stays = [row for row in base.rows if not (replaces and day_of(row) in delivered)]
        if is_known and _counted(base.rows) == _counted([*stays, *new]):
            self._expire()
            return nothing_new
        if identities & (base.objects - plan.again):
            raise Refused("AlreadyCounted")
        replaced = len(base.rows) - len(stays) + len(kept) - len(new)
        rows = totals + Counter({"replaced": replaced})
        counts = Counts(plan.run_id, plan.countries, [*stays, *new], base.objects | identities, base.totals + rows)
        place = plan.start if plan.start > self.newest else self.newest + _NEXT
        window = window_of(plan.request)
        model = self._made(plan, place, counts, served.definitions, served.window if window is None else window)
        check_gate(model, totals, self.model, gate)
        self.counts[plan.run_id] = counts
        self._serve(model)
        self._expire()
        days = {"days": len(both)} | {
            name: sum(of_days[day] for day in both)
            for name, of_days in (("counted_rows", before), ("delivered_rows", delivered))
        }
        of_base = {"base_run_id": base.run_id, "counted_again": days}
        return {**_of_history(plan, rows, model), "outcome": "published", "published": True, **of_base}

    def _publish_remodel(self, run_id: str, start: float, request: Facts, gate: Facts) -> Facts:
        served = self.model
        try:
            made = self._made_again(run_id, start, request)
            check_gate(made, None, self.model, gate)
        except Refused as refused:
            if not request.get("scheduled"):
                raise
            nothing = self.model is None and not request.get("run_id")
            raise Refused("NothingToRefresh" if nothing else "RefreshHeldBack") from refused
        facts = _what_if(served, made)
        is_newer = start > self.newest
        if is_newer:
            self._serve(made)
        self._expire()
        return {**facts, "outcome": "published" if is_newer else "superseded", "published": is_newer}

    def _made_again(self, run_id: str, place: float, request: Facts) -> Model:
        named, served = request.get("run_id"), self.model
        if named and named not in self.counts:
            raise Refused("NoCounts")
        if not named and served is None:
            raise Refused("NoCounts")
        counts = self.counts[named] if named else served.counts if served else None
        if counts is None:
            raise AssertionError("there are counts")
        definitions = request.get("segments") or (
            served.definitions if served else self.plans[counts.run_id].definitions
        )
        window = window_of(request)
        if window is None:
            window = served.window if served else {}
        cur_date = request.get("cur_date") or self.settings.cur_date
        return model_of(run_id, place, counts, date.fromisoformat(cur_date), window, definitions)

    def _made(self, plan: Plan, place: float, counts: Counts, definitions: Facts, window: Facts) -> Model:
        cur_date = date.fromisoformat(plan.request.get("cur_date") or self.settings.cur_date)
        return model_of(plan.run_id, place, counts, cur_date, window, definitions)

    def _serve(self, model: Model) -> None:
        self.versions[model.run_id] = model
        self.served, self.previous, self.newest = model.run_id, self.served, model.place

    def _expire(self) -> None:
        """Let all but the newest versions expire, except the served one and the one before it."""
        if self.served is None:
            return
        newest_first = sorted(self.versions.values(), key=lambda model: -model.place)
        for model in newest_first[self.settings.kept_versions :]:
            if model.run_id not in {self.served, self.previous}:
                self.versions[model.run_id] = replace(model, expires=True)
        self._keep()

    def _keep(self) -> None:
        for version in filter(None, (self.served, self.previous)):
            self.versions[version] = replace(self.versions[version], expires=False)


def window_of(request: Facts) -> Facts | None:
    """Return the window that a request names: empty for all days; None: it names none."""
    window = request.get("window")
    return {} if window == "all" else window


def day_of(row: Row) -> tuple[str, date | None]:
    """Return the country and the day of a row; None: it has none."""
    return row["country_code"], row["timestamp"] and row["timestamp"].date()


def _spelled(plan: Plan, rows: list[Row], countries: tuple[str, ...]) -> tuple[Plan, list[Row]]:
    """Return a plan and its rows with these names of their countries."""
    names = {spelling(country): country for country in countries}
    named = [row | {"country_code": names[spelling(row["country_code"])]} for row in rows]
    return replace(plan, countries=countries), named


def _is_in(key: str, folder: str, names: Sequence[str] | None) -> bool:
    return folder.endswith("/") and key.startswith(folder) and (names is None or key.removeprefix(folder) in names)


def _meant(row: Row, null_dates: Iterable[str]) -> Row:
    times = {name: reference.moment(row[name]) for name in _TIMES}
    absent = {*null_dates}
    for name, moment in times.items():
        if isinstance(moment, datetime) and str(moment.date()) in absent:
            times[name] = None
    numbers = {
        "total_orders": reference.orders(row["total_orders"]),
        "voucher_amount": reference.amount(row["voucher_amount"]),
    }
    return {**times, **numbers}


def _by_day(rows: Iterable[Row]) -> Counter[tuple[str, date | None]]:
    return Counter(day_of(row) for row in rows if row["timestamp"])


def _counted(rows: Iterable[Row]) -> Counter[tuple[object, ...]]:
    """Return how often each value of each measure has each amount, by country and day: all that counts keep of rows."""
    counted: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        given, last, first = (row[name] for name in _TIMES)
        values = {
            "total_orders": row["total_orders"],
            "days_since_last_order": last and last.date(),
            "days_since_last_order_when_given": last and given and (given.date() - last.date()).days,
            "months_since_first_order": first and reference.month_number(first),
        }
        for measure, value in values.items():
            if value is not None:
                counted[(*day_of(row), measure, value, row["voucher_amount"])] += 1
    return counted


def _what_if(served: Model | None, made: Model) -> Facts:
    """Return what a remodel must say, with the segments whose amount differs from the served one."""
    before = {_key(key): most_used(amounts) for key, amounts in (served.segments if served else {}).items()}
    after = {_key(key): most_used(amounts) for key, amounts in made.segments.items()}
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {
        "counts_run_id": made.counts.run_id,
        "countries": list(made.counts.countries),
        "cur_date": str(made.cur_date),
        "window": made.window,
        "changes": {key: (before.get(key), after.get(key)) for key in changed},
        "criteria": criteria(made),
    }


def _key(key: tuple[str, str, str]) -> tuple[str, ...]:
    return (spelling(key[0]), *key[1:])


def _of_history(plan: Plan, totals: Counter[str], model: Model) -> Facts:
    return {
        **rows_of(totals),
        "version": plan.run_id,
        "files": len(plan.files),
        "known_files": len(plan.known),
        "countries": list(plan.countries),
        "cur_date": str(model.cur_date),
        "window": model.window,
    }


def _assigned(answer: Facts) -> Facts:
    """Return what the row of an answer must have in the files of an assign run."""
    given = {name: answer.get(name) for name in ("voucher_amount", "basis")}
    return {**given, "problem": answer.get("code")} | ({} if "code" in answer else {"segment": answer["segment"]})
