"""The voucher amount used most in each customer segment.

- `domain`: segments, rules, counts, modes, runs. Pure: plain values and Arrow tables in and out.
- `adapters`: S3, DynamoDB, Step Functions, sources over HTTPS, files, logs. They know the domain.
- `pipeline` and `api`: what a run does, and what is served. They join the two.

Nothing is imported here, so that the API starts without pandas and pyarrow.
"""
