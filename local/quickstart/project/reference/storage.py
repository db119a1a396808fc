"""The page of the table and the bucket, made from the catalog's docstring and the keys of a run."""

import inspect
from collections.abc import Iterator
from typing import Any

from infra_cdk.stages import stage
from local.quickstart.project.reference import markdown
from voucher_selection.adapters import catalog, catalog_items
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.contract.bucket import ASSIGNED, QUARANTINE, RAW, STAGING
from voucher_selection.contract.rule_names import Rule

_KEYS = RunKeys("<id>")
# Arguments for the methods that make a key, to show one.
_EXAMPLES: dict[str, Any] = {
    "shard": 7,
    "group": 3,
    "rule": Rule.MALFORMED,
    "name": "…",
    "digest": "<digest>",
    "part": 7,
}


def page() -> str:
    """Return the page."""
    about, _, items = (inspect.getdoc(catalog) or "").partition("\n")
    dev = stage("dev")
    days = {prefix: getattr(dev, f"{prefix}_days") for prefix in (RAW, STAGING, QUARANTINE, ASSIGNED)}
    rows = [[f"`{_with_places(key)}`", said, _kept(key, days)] for key, said in sorted(_objects())]
    return markdown.page(
        "Tables and objects",
        "catalog.py, catalog_items.py and run_keys.py",
        "## The table",
        about,
        items.strip(),
        "A version that is neither served nor kept gets an `expires_at`; then DynamoDB deletes it.",
        "### Its items",
        (inspect.getdoc(catalog_items) or "").partition("\n")[2].strip(),
        "A stage with an inbox also has the item `INBOX`, `LEASE`: the run of the inbox that works, and how often"
        " something arrived (`inbox_lease.py`).",
        "## The bucket",
        "`uploads/` and `inbox/` belong to the users. `inbox-results/` has what became of each object of the inbox, and"
        " `runs/inbox/` a mark of each. Everything else is below the run that wrote it; `<n>` is a number with"
        " five digits, mostly a shard's. If the shards of a run are in [several groups](../pipeline.md#the-states),"
        " `group-<g>.` is before `shard-`: the number of the shard's group. The"
        " [pipeline](../pipeline.md#what-a-run-writes) says what each object contains.",
        markdown.table(["key", "what it is", "deleted after"], rows),
    )


def _objects() -> Iterator[tuple[str, str]]:
    """Yield every key of a run, of objects and folders, with its meaning."""
    for name, member in inspect.getmembers(RunKeys):
        if name.startswith("_") or not (isinstance(member, property) or callable(member)):
            continue
        said = markdown.docstring(member)
        keys = getattr(_KEYS, name)
        if callable(keys):
            keys = keys(**{each: _EXAMPLES[each] for each in inspect.signature(keys).parameters})
        yield from ((key, said) for key in ([keys] if isinstance(keys, str) else keys))


def _with_places(key: str) -> str:
    """Return an example of a key with a name in the place of each thing that differs between keys."""
    return key.replace("rule=malformed", "rule=<rule>").replace("00007", "<n>").replace("0003", "<g>")


def _kept(key: str, days: dict[str, int]) -> str:
    """Return after how many days an object is deleted: the setting with its default; or `never`."""
    folder = key.partition("/")[0]
    return f"`{folder}_days`: {days[folder]}" if folder in days else "never"
