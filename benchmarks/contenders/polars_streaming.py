"""Polars' streaming engine."""

from pathlib import Path

import polars as pl

from benchmarks.answer import RULES, Answer


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    return _answer(pl.collect_all(_counts(_cleaned(file, country)), engine="streaming"))


def count_without_timestamp(file: Path, country: str) -> Answer:
    """Count as `count` does, but never read `timestamp`: where it is no date, nobody notices."""
    return _answer(pl.collect_all(_counts(_cleaned(file, country, check_timestamp=False)), engine="streaming"))


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
    return _answer(pl.collect_all([*_counts(cleaned), *sinks], engine="streaming")[:3])


def _cleaned(file: Path, country: str, *, check_timestamp: bool = True) -> pl.LazyFrame:
    last_order, orders = pl.col("last_order_ts_meant"), pl.col("total_orders_meant")
    first_order, amount = pl.col("first_order_ts"), pl.col("voucher_amount")
    last_order_text, orders_text = (pl.col(name).str.strip_chars() for name in ("last_order_ts", "total_orders"))

    def given(text: pl.Expr) -> pl.Expr:
        return pl.when(text != "").then(text)

    history = (
        pl.scan_parquet(file, row_index_name="row")
        .filter(pl.col("country_code") == country)
        .with_columns(
            last_order_ts_meant=given(last_order_text).str.to_datetime("%Y-%m-%d", strict=False),
            total_orders_meant=given(orders_text).cast(pl.Float64, strict=False),
        )
    )
    malformed = (
        ((last_order_text != "") & last_order.is_null())
        | ((orders_text != "") & orders.is_null())
        | (orders < 0)
        | (orders != orders.floor())
        | (amount < 0)
        | amount.is_infinite()
    )
    if check_timestamp:
        # The fastest of several ways to parse times of this form; a pattern is faster, but takes 2018-02-30.
        parsed = pl.col("timestamp").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S%.f", strict=False, cache=False)
        history = history.with_columns(parsed.alias("timestamp_meant"))
        malformed |= pl.col("timestamp").is_not_null() & pl.col("timestamp_meant").is_null()
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


def _counts(cleaned: pl.LazyFrame) -> list[pl.LazyFrame]:
    kept = cleaned.filter(pl.col("rule").is_null())
    by_date = kept.filter(pl.col("last_order_ts_meant").is_not_null())
    return [
        cleaned.group_by("rule").len(),
        kept.group_by("total_orders_meant", "voucher_amount").len(),
        by_date.group_by(pl.col("last_order_ts_meant").dt.date(), "voucher_amount").len(),
    ]


def _answer(found: list[pl.DataFrame]) -> Answer:
    rules, frequency, recency = found
    rows = dict(rules.iter_rows())
    return Answer(rows.pop(None, 0), rows, frequency.iter_rows(), recency.iter_rows())
