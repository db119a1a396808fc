"""What a run may be asked, by its mode."""

from typing import Any

import pytest

from tests.integration.conftest import FOLDER, Pipeline
from voucher_selection.domain import errors


@pytest.mark.parametrize("mode", ["assigned", "Append", "", 5, None, ["append"], {"remodel": 1}])
def test_a_mode_that_there_is_not_is_named(pipeline: Pipeline, mode: Any):
    with pytest.raises(
        errors.InvalidRequest, match="mode: expected one of full, append, remodel, assign, rollback, approve, got "
    ):
        pipeline.ingest("bad", {"mode": mode, "source": "s3://bucket/k"})


def test_a_full_run_may_say_so(days, pipeline: Pipeline):
    assert pipeline.run("full", {"mode": "full", "source": FOLDER})["mode"] == "full"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"mode": "append"}, "source: Field required"),
        ({"mode": "append", "source": "s3://bucket/k", "segments": {}}, "segments: Extra inputs are not permitted"),
        ({"mode": "assign", "source": "s3://bucket/k"}, "customers: Field required"),
        ({"mode": "remodel", "source": "s3://bucket/k"}, "source: Extra inputs are not permitted"),
        ({"mode": "remodel", "run_id": "../x"}, "run_id: String should match pattern"),
        ({"mode": "remodel", "cur_date": "today"}, "cur_date: expected a date like 2018-09-15"),
        ({"mode": "remodel", "publish": "maybe"}, "publish: Input should be a valid boolean"),
    ],
)
def test_a_key_that_its_mode_has_not_is_named(pipeline: Pipeline, request_: dict, message: str):
    with pytest.raises(errors.InvalidRequest) as failure:
        pipeline.ingest("bad", request_)

    assert message in str(failure.value)
