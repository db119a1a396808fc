"""Polars' streaming engine."""

from pathlib import Path

import polars as pl

from benchmarks.answer import MEASURES, RULES, Answer


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    return _answer(_keys(_cleaned(file, country)).collect(engine="streaming"))


def write(file: Path, country: str, folder: Path) -> Answer:
    """Count the history, and write its kept and its rejected rows into the folder."""
    cleaned = _cleaned(file, country)
    meant = {name: pl.col(f"{name}_meant") for name in ("timestamp", "last_order_ts", "total_orders")}
    kept = cleaned.filter(pl.col("rule").is_null()).select(
        meant["timestamp"].alias("timestamp"),
        "country_code",
        meant["last_order_ts"].alias("last_order_ts"),
        "first_order_ts",
        meant["total_orders"].cast(pl.Int64).alias("total_orders"),
        "voucher_amount",
    )
    rejected = cleaned.filter(pl.col("rule").is_not_null()).select(pl.exclude("^.*_meant$"))
    sinks = [
        kept.sink_parquet(folder / "cleaned.parquet", compression="zstd", lazy=True),
        rejected.sink_parquet(folder / "rejected.parquet", compression="zstd", lazy=True),
    ]
    keys, *_ = pl.collect_all([_keys(cleaned), *sinks], engine="streaming")
    return _answer(keys)


def _cleaned(file: Path, country: str) -> pl.LazyFrame:
    last_order, orders = pl.col("last_order_ts_meant"), pl.col("total_orders_meant")
    first_order, amount = pl.col("first_order_ts"), pl.col("voucher_amount")
    last_order_text, orders_text = (pl.col(name).str.strip_chars() for name in ("last_order_ts", "total_orders"))

    def given(text: pl.Expr) -> pl.Expr:
        return pl.when(text != "").then(text)

    history = (
        pl.scan_parquet(file, row_index_name="row")
        .filter(pl.col("country_code") == country)
        .with_columns(
            # The fastest of several ways to parse times of this form; a pattern is faster, but takes 2018-02-30.
            timestamp_meant=pl.col("timestamp").str.strptime(
                pl.Datetime("us"), "%Y-%m-%d %H:%M:%S%.f", strict=False, cache=False
            ),
            last_order_ts_meant=given(last_order_text).str.to_datetime("%Y-%m-%d", strict=False),
            total_orders_meant=given(orders_text).cast(pl.Float64, strict=False),
        )
    )
    malformed = (
        (pl.col("timestamp").is_not_null() & pl.col("timestamp_meant").is_null())
        | ((last_order_text != "") & last_order.is_null())
        | ((orders_text != "") & orders.is_null())
        | (orders < 0)
        | (orders != orders.floor())
        | (amount < 0)
        | amount.is_infinite()
    )
    rule = (
        pl.when(malformed)
        .then(pl.lit(RULES[0]))
        .when((orders == 0) & (last_order.is_not_null() | first_order.is_not_null()))
        .then(pl.lit(RULES[1]))
        .when(last_order < first_order)
        .then(pl.lit(RULES[2]))
        .when(orders.is_null())
        .then(pl.lit(RULES[3]))
        .when(amount.is_null())
        .then(pl.lit(RULES[4]))
    )
    return history.with_columns(rule.alias("rule"))


def _keys(cleaned: pl.LazyFrame) -> pl.LazyFrame:
    """Return the numbers that all counts are made from. To count them in one query reads the file several times."""
    day, last_order = (_days(pl.col(f"{name}_meant")) for name in ("timestamp", "last_order_ts"))
    return cleaned.select(
        "rule",
        "voucher_amount",
        day=day,
        total_orders="total_orders_meant",
        days_since_last_order=last_order,
        days_since_last_order_when_given=day - last_order,
        months_since_first_order=_days(pl.col("first_order_ts").dt.truncate("1mo")),
    )


def _days(time: pl.Expr) -> pl.Expr:
    return time.dt.date().to_physical()


def _answer(keys: pl.DataFrame) -> Answer:
    kept = keys.lazy().filter(pl.col("rule").is_null())
    by_measure = [
        kept.drop_nulls(measure).group_by("day", pl.lit(measure), measure, "voucher_amount").len()
        for measure in MEASURES
    ]
    rules, *counts = pl.collect_all([keys.lazy().group_by("rule").len(), *by_measure], engine="streaming")
    rows = dict(rules.iter_rows())
    return Answer(rows.pop(None, 0), rows, (row for table in counts for row in table.iter_rows()))
