"""How LocalStack finds our plugins: through its plugin loader, without this project being installed.

LocalStack's plugins are entry points of installed distributions. Ours are added to those of the environment when the
emulator starts, so that it needs no build: `PYTHONPATH` names the source folder.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint

from plux.runtime.cache import EntryPointsCache
from plux.runtime.metadata import MetadataEntryPointsResolver

PLUGINS = {
    "localstack.lambda.runtime_executor": {"process": "process_emulator.plugins:ProcessRuntimeExecutorPlugin"},
    "localstack.runtime.server": {"loopback": "process_emulator.plugins:LoopbackRuntimeServerPlugin"},
    "localstack.aws.provider": {
        "apigateway:default": "process_emulator.plugins:apigateway_default",
        "cloudformation:default": "process_emulator.plugins:cloudformation_default",
        "lambda:default": "process_emulator.plugins:lambda_default",
        "logs:default": "process_emulator.plugins:logs_default",
        "s3:default": "process_emulator.plugins:s3_default",
        "stepfunctions:default": "process_emulator.plugins:stepfunctions_default",
        "dynamodb:moto": "process_emulator.plugins:dynamodb_moto",
        "dynamodbstreams:moto": "process_emulator.plugins:dynamodbstreams_moto",
    },
    "localstack.cloudformation.resource_providers": {
        "aws::apigateway::gatewayresponse": "process_emulator.api_resources:GatewayResponsePlugin",
        "aws::apigateway::method": "process_emulator.api_resources:MethodPlugin",
        "aws::apigateway::stage": "process_emulator.api_resources:StagePlugin",
    },
}


class EntryPoints(MetadataEntryPointsResolver):  # type: ignore[misc]
    """The entry points of the installed distributions and ours, which win over those of the same name.

    Takes the place of plux's own cache, which would write to the user's home folder.
    """

    def __init__(self) -> None:
        index: dict[str, list[EntryPoint]] = super().get_entry_points()
        for group, plugins in PLUGINS.items():
            added = [EntryPoint(name, value, group) for name, value in plugins.items()]
            index[group] = [point for point in index.get(group, []) if point.name not in plugins] + added
        self._index = index

    def get_entry_points(self) -> dict[str, list[EntryPoint]]:
        """Return entry points by group."""
        return self._index


def register_entry_points() -> None:
    """Let every plugin manager of this process see our plugins; call it before LocalStack is imported."""
    EntryPointsCache._instance = EntryPoints()
