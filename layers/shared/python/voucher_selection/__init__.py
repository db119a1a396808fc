"""The voucher amount used most in each customer segment: the domain and its adapters.

The domain (`segments`, `history`, `parsing`, `rules`, `counts`, `modes`, `served_model`, `shards`, `lookups`) is pure:
plain values and Arrow tables in, plain values and Arrow tables out. The adapters (`lake` on S3, `catalog` on DynamoDB)
know the domain; the steps (`landing`, `ingesting`, `cleaning`, `publishing`) join the two; the handlers wire them.

Nothing is imported here, so that the API function starts without pandas and pyarrow.
"""
