"""Examples of the API's requests and answers, for its document."""

from voucher_selection.domain.formats import LARGEST_WHOLE
from voucher_selection.domain.offline_model import FIELDS, FORMAT, TEXTS
from voucher_selection.domain.segments import shipped_definitions

CUSTOMER = {
    "customer_id": 123,
    "country_code": "Peru",
    "total_orders": 15,
    "segment_name": "recency_segment",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
}
MODEL_OF_ANSWER = {"version": "20261123T001000293Z-run-6f5b966c", "cur_date": "2018-09-15"}
MODEL_FACTS = {
    **MODEL_OF_ANSWER,
    "published_at": "2026-11-23T00:10:00.293000+00:00",
    "run_id": "run-6f5b966c",
    "window": {},
}
HEALTH = {"status": "ok", "model": {**MODEL_FACTS, "age_seconds": 86}}
CUSTOMERS = {"customers": [CUSTOMER, {**CUSTOMER, "customer_id": 124, "last_order_ts": "2018-09-03"}]}
VOUCHER = {
    "voucher_amount": 2640.0,
    "customer_id": 123,
    "country_code": "Peru",
    "segment_name": "recency_segment",
    "segment": "121-180",
    "basis": "segment",
    "support": 2055,
    "share": 0.5630170316301704,
}
NO_SEGMENT = {
    "status": 404,
    "code": "no_segment",
    "detail": "days_since_last_order is 12 (on 2018-09-15), in no segment of recency_segment: "
    "30-60, 61-90, 91-120, 121-180, 180+",
}
VOUCHERS = {"model": MODEL_OF_ANSWER, "vouchers": [VOUCHER, {"problem": NO_SEGMENT, "customer_id": 124}]}
SEGMENT = {
    "country_code": "Peru",
    "segment_name": "recency_segment",
    "segment": "180+",
    "lower": 181,
    "upper": None,
    "voucher_amount": 3520.0,
    "support": 4,
    "share": 0.5,
    "assignments": [{"voucher_amount": 3520.0, "count": 2}, {"voucher_amount": 2640.0, "count": 1},
                    {"voucher_amount": 4400.0, "count": 1}],
}  # fmt: skip
ROWS = {
    "rows_read": 50_000,
    "other_country": 42_012,
    "other_countries": {"China": 17_582, "Australia": 13_436, "Latvia": 10_994},
    "rejected": {"malformed": 7, "zero_orders_with_dates": 793, "last_before_first": 14, "null_total_orders": 627,
                 "null_voucher_amount": 43},
    "kept": 6_504,
}  # fmt: skip
SOURCES = {"counts_run_id": "run-6f5b966c", "countries": ["Peru"]}
MODEL_REPORT = {
    **MODEL_FACTS,
    **SOURCES,
    "time_zone": "UTC",
    "age_seconds": 86,
    "definitions": shipped_definitions().model_dump(mode="json"),
    "rows": ROWS,
    "segments": [{**SEGMENT, "runner_up": 2640.0, "lead": 1, "evidence": "thin"}],
    "quality": {
        "segmentations": [
            {
                "country_code": "Peru",
                "segment_name": "recency_segment",
                "agreement": {"support": 6_504, "segments": 0.5616, "country": 0.5615},
                "backtest": [{"month": "2018-07", "tested": 3_113, "segments": 0.55, "country": 0.55, "unanswered": 0}],
                "over_time": [],
            }
        ],
        "countries": [{"country_code": "Peru", "months": []}],
    },
}
COUNTRY = {
    "country_code": "Peru",
    "voucher_amount": 2640.0,
    "support": 6_504,
    "share": 0.5350553505535055,
    "assignments": [{"voucher_amount": 2640.0, "count": 3_480}, {"voucher_amount": 3520.0, "count": 3_024}],
}
SELECTION_CRITERIA = {"model": MODEL_FACTS, "segments": [SEGMENT], "country_modes": [COUNTRY]}
OFFLINE_MODEL = {
    "format": FORMAT,
    "model": MODEL_OF_ANSWER,
    "time_zone": "UTC",
    "fallback": {"to": "none", "least_support": 1},
    "texts": TEXTS,
    "fields": FIELDS,
    "largest_number": LARGEST_WHOLE,
    "segmentations": {
        "recency_segment": {
            "field": "last_order_ts",
            "segments": [
                {"name": "121-180", "first": "2018-03-19", "last": "2018-05-17"},
                {"name": "180+", "first": None, "last": "2018-03-18"},
            ],
        }
    },
    "countries": [
        {
            "country_code": "Peru",
            "mode": {"voucher_amount": 2640.0, "support": 6_504, "share": 0.5350553505535055},
            "segments": {"recency_segment": [{"voucher_amount": 2640.0, "support": 2055, "share": 0.563}, None]},
        }
    ],
}
MODEL_SQL = (
    "-- Voucher Selection: the answer of POST /voucher for each row of the table customers, for DuckDB.\n"
    "WITH given AS (SELECT customer_id, … FROM customers), …\nSELECT customer_id, … FROM found\n"
)
SEGMENTS_CSV = (
    "\ufeffcountry_code,segment_name,segment,lower,upper,voucher_amount,support,share,runner_up,runner_up_count,evidence\r\n"
    "Peru,recency_segment,180+,181,,3520,4,0.5,2640,1,thin\r\n"
)
REPORT_CSV = (
    "\ufeffcountry_code,segment_name,support,agreement_of_segments,agreement_of_one_amount,worth\r\n"
    "Peru,recency_segment,6504,0.5616,0.5615,0.0001\r\n"
)
KEPT_VERSION = {**MODEL_FACTS, **SOURCES, "segments": 9, "is_served": True, "is_previous": False, "expires_at": None}
WHAT_IF = {
    "counts_run_id": "run-6f5b966c",
    "served_version": MODEL_FACTS["version"],
    "definitions": shipped_definitions().model_dump(mode="json"),
    "changes": [],
    "model": {**MODEL_FACTS, "cur_date": "2018-10-01"},
    "segments": [SEGMENT],
    "country_modes": [COUNTRY],
}
BEST_RANGES = {
    "measure": "total_orders",
    "countries": ["Peru"],
    "cur_date": "2018-09-15",
    "least_support": 1000,
    "support": 6_504,
    "found": [
        {
            "most_ranges": 1,
            "ranges": [
                {
                    "segment": "1+",
                    "lower": 1,
                    "upper": None,
                    "support": 6_504,
                    "modes": [{"country_code": "Peru", "voucher_amount": 2640.0, "support": 6_504, "share": 0.5615}],
                }
            ],
            "reproduced": 3_652,
            "agreement": 0.5615,
            "last_month": None,
            "definition": {
                "name": "best_total_orders",
                "measure": "total_orders",
                "segments": [{"name": "1+", "lower": 1, "upper": None}],
                "outside": None,
            },
        }
    ],
}
UPLOAD_ASKED = {"name": "monday.csv", "size": 15_432_100, "sha256": "ab12" * 16}
UPLOAD = {
    "source": "s3://bucket/uploads/sha256-ab12ab12ab12ab12/monday.csv",
    "send": {
        "method": "PUT",
        "url": "https://bucket.s3.eu-west-1.amazonaws.com/uploads/sha256-ab12ab12ab12ab12/monday.csv?X-Amz-Signature=…",
        "headers": {"If-None-Match": "*"},
        "expires_at": "2026-11-23T00:25:00.293000+00:00",
    },
}
RUN = {
    "run_id": "run-6f5b966c",
    "status": "SUCCEEDED",
    "started_at": "2026-11-23T00:10:00.293000+00:00",
    "ended_at": "2026-11-23T00:10:03.411000+00:00",
    "seconds": 3.118,
    "mode": "full",
    "outcome": "published",
    "version": MODEL_FACTS["version"],
    "rows": ROWS,
    "customers": None,
    "error": None,
}
RUN_REPORT = {
    **RUN,
    "request": {"source": "s3://bucket/uploads/vouchers.parquet"},
    "states": [
        {"name": "Ingest", "status": "succeeded", "entered_at": "2026-11-23T00:10:00.301000+00:00", "seconds": 0.7}
    ],
    "current": "Model",
    "shards": 1,
    "shards_done": 1,
    "shards_failed": 0,
    "groups": 0,
    "groups_done": 0,
    "cause": None,
    "published": None,
    "summary": {},
}
