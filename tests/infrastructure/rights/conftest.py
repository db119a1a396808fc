"""What the proofs of rights share: everything that the functions call, recorded once, and the templates."""

from typing import Any, NamedTuple

import pytest

from infra_cdk.stages import Stage
from tests.environment import BUCKET, TABLE
from tests.infrastructure.conftest import ALL_GUARDS
from tests.infrastructure.rights.asked_of_iam import Keys
from tests.infrastructure.rights.every_run import SOURCES, Recorded, record_everything
from tests.infrastructure.rights.examples import BOUNDARY
from tests.infrastructure.rights.named import NamedTemplate
from tests.infrastructure.rights.policies import Statement, policies_of_roles

# As the recorded calls name them.
NAMES = {"LakeBucket": BUCKET, "CatalogTable": TABLE, "PipelineStateMachine": "pipeline", "FunctionsWhatIf": "what-if"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUND = {"permissions_boundary": BOUNDARY}
STAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "dev": ("dev", BOUND),
    "prod": ("prod", BOUND),
    "dev with a key": ("dev", BOUND | {"kms_key": KEY}),
    "prod with a key": ("prod", BOUND | {"kms_key": KEY}),
    "prod with everything": (
        "prod",
        ALL_GUARDS
        | BOUND
        | {"source_buckets": (SOURCES,), "kms_key": KEY, "tables": True, "trace_requests": True, "inbox": True},
    ),
}
"""Between them, the stages have every type of resource, and every right."""


class Deployed(NamedTuple):
    """A stage, its template with names in the place of references, and the policies of its roles.

    In `template` the bucket, the table and what is called have the names of the recorded calls. In `as_named` they have
    those that CloudFormation would form.
    """

    stage: Stage
    template: NamedTemplate
    as_named: NamedTemplate
    policies: dict[str, list[Statement]]

    @property
    def keys(self) -> Keys:
        """The customer's keys."""
        return Keys(self.stage.kms_key, self.stage.former_kms_keys, self.stage.source_kms_keys)


@pytest.fixture(scope="session", params=STAGES)
def deployed(request: pytest.FixtureRequest, synthesize: Any) -> Deployed:
    """Each stage of AWS, with and without a key of the owner, and once with every setting that gives rights."""
    name, settings = STAGES[request.param]
    synthesized = synthesize(name, **settings)
    stack = synthesized.stack.stack_name
    template = NamedTemplate(synthesized.json, stack, NAMES)
    return Deployed(synthesized.stage, template, NamedTemplate(synthesized.json, stack), policies_of_roles(template))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Every kind of run and every route, done once for all stages."""
    return record_everything(tmp_path_factory.mktemp("recorded"))
