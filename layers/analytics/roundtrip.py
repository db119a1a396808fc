"""Proof that the layers are whole: run by a bare interpreter that sees nothing but the folders named as arguments.

Examples
--------
On the command line::

    python -S -I -B layers/analytics/roundtrip.py .build/unpacked/python
"""
# ruff: noqa: E402 - the imports are what is to be proved

import io
import sys
from datetime import UTC, datetime

sys.path[:0] = sys.argv[1:]

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

for service in ("s3", "dynamodb", "sts"):
    boto3.client(service, region_name="eu-west-1")

vouchers = pa.table({"country_code": ["Peru", "Latvia", "Peru"], "voucher_amount": [2640.0, None, 4400.0]})
for codec in ("snappy", "gzip", "zstd", "brotli", "lz4", "none"):
    file = io.BytesIO()
    pq.write_table(vouchers, file, compression=codec)
    # As the functions read: threads of `pq.read_table` may abort the interpreter at its end (apache/arrow issue 39862).
    read = pq.ParquetFile(file).read(use_threads=False)
    if not read.equals(vouchers):
        sys.exit(f"a parquet file written with {codec} was read as {read}")

peru = vouchers.filter(pc.equal(vouchers["country_code"], "Peru"))
if peru.to_pandas(use_threads=False)["voucher_amount"].tolist() != [2640.0, 4400.0]:
    sys.exit(f"the rows of Peru are {peru}")

midnight = datetime(2018, 9, 15, 5, tzinfo=UTC)
if pd.Timestamp("2018-09-15", tz="America/Lima") != midnight:
    sys.exit("pandas has no time zones")
