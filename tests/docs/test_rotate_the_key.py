"""The guide to another key: its job is one that S3 takes, and its settings are settings."""

import json
import re

import botocore.session
from botocore.validate import ParamValidator

from infra_cdk.context import stage_from_context
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/how-to/rotate-the-key.md").read_text(encoding="utf-8")
(JOB,) = re.findall(r"( +aws s3control create-job .+?)\n\n", PAGE, re.DOTALL)
PARAMETERS = {"operation": "Operation", "manifest-generator": "ManifestGenerator", "report": "Report"}


def problems(**changed: object) -> str:
    """What botocore finds wrong with the job of the page, or with one that differs."""
    named = {option: json.loads(value) for option, value in re.findall(r"--([a-z-]+) '(\{.+?\})'", JOB, re.DOTALL)}
    given = {PARAMETERS[option]: value for option, value in named.items()}
    rest = {"AccountId": "123456789012", "RoleArn": "arn", "Priority": 1, "ClientRequestToken": "made by the program"}
    shape = botocore.session.get_session().get_service_model("s3control").operation_model("CreateJob").input_shape
    return str(ParamValidator().validate({**rest, **given, **changed}, shape).generate_report())


def test_the_job_is_one_that_s3_takes() -> None:
    assert problems() == ""
    assert "S3ReencryptObject" in problems(Operation={"S3ReencryptObject": {}})


def test_the_settings_of_the_first_step_can_be_set() -> None:
    given = dict(re.findall(r"--set (\w+)=(\S+)", PAGE))

    assert stage_from_context({"stage": "prod", **given})
    assert given.keys() == {"kms_key", "former_kms_keys"}
