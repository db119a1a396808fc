"""Hive partitions: columns whose value is in the path of a file, as in `country_code=Peru/part-0.parquet`."""

# Names of columns and their values as text; None is null.
type PathValues = dict[str, str | None]
NO_PATH_VALUES: PathValues = {}
