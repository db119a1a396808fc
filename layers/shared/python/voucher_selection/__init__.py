"""Find the voucher amount used most in each customer segment, and serve it.

`contract`: constants that this package shares with its infrastructure; it imports only the standard library.
`domain`: segments, rules, counts, modes, requests; functions of plain values and Arrow tables. No AWS, no network.
`adapters`: S3, DynamoDB, Step Functions, sources over HTTPS, files, settings and logs.
`pipeline`: what each state of a run does. `api`: what the API and its pages answer.

Imports go one way: `api` and `pipeline` import `adapters`, these import `domain`, and all may import `contract`. The
handlers in `lambdas/` import `api` and `pipeline`. This file imports nothing, so that the API function starts without
pandas and pyarrow.
"""
