"""Lookups that tests ask for."""

from typing import Any

# The request of the project that this one replaces; its last order is 135 days before 2018-09-15.
SEED_REQUEST: dict[str, Any] = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
