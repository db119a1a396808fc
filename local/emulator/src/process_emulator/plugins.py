"""LocalStack's view of this project: the plugins that it loads by name.

This module is imported while LocalStack starts, so whatever a plugin needs is imported when the plugin is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider

if TYPE_CHECKING:
    from process_emulator.executor import ProcessRuntimeExecutor
    from process_emulator.gateway_server import LoopbackRuntimeServer


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """`LAMBDA_RUNTIME_EXECUTOR=process`: functions are local processes."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> type[ProcessRuntimeExecutor]:
        """Return the executor's class; LocalStack asks for it again for each environment."""
        from process_emulator.executor import ProcessRuntimeExecutor  # noqa: PLC0415

        return ProcessRuntimeExecutor


class LoopbackRuntimeServerPlugin(RuntimeServerPlugin):  # type: ignore[misc]
    """`GATEWAY_SERVER=loopback`: LocalStack's server, but on the loopback interface only."""

    name = "loopback"

    def load(self, *_args: Any, **_kwargs: Any) -> LoopbackRuntimeServer:
        """Return the server."""
        from process_emulator.gateway_server import LoopbackRuntimeServer  # noqa: PLC0415

        return LoopbackRuntimeServer()


@aws_provider(api="lambda")  # type: ignore[untyped-decorator]
def lambda_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, after our changes to what it is made of."""
    from localstack.services.lambda_.provider import LambdaProvider  # noqa: PLC0415

    from process_emulator.assignment import bound_environments  # noqa: PLC0415
    from process_emulator.bookkeeping import write_in_batches  # noqa: PLC0415
    from process_emulator.direct_calls import call_directly  # noqa: PLC0415
    from process_emulator.settings import Settings  # noqa: PLC0415
    from process_emulator.timers import share_timers  # noqa: PLC0415
    from process_emulator.worked_out_once import make_one_client_for_addresses  # noqa: PLC0415

    bound_environments(Settings.from_environment().environments)
    write_in_batches()
    make_one_client_for_addresses()
    share_timers()
    provider = LambdaProvider()
    call_directly(provider.lambda_service)
    return Service.for_provider(provider)


@aws_provider(api="apigateway")  # type: ignore[untyped-decorator]
def apigateway_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, after our change to how it answers by itself."""
    from localstack.services.apigateway.next_gen.provider import ApigatewayNextGenProvider  # noqa: PLC0415
    from localstack.services.moto import MotoFallbackDispatcher  # noqa: PLC0415

    from process_emulator.api_requests import API_REQUESTS  # noqa: PLC0415
    from process_emulator.gateway_responses import answer_as_declared  # noqa: PLC0415
    from process_emulator.throttling import throttle  # noqa: PLC0415

    answer_as_declared()
    throttle()
    provider = ApigatewayNextGenProvider()
    API_REQUESTS.lead_to(provider.router.handler)
    return Service.for_provider(provider, dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="logs")  # type: ignore[untyped-decorator]
def logs_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, which keeps the last lines of each stream."""
    from localstack.services.logs.provider import LogsProvider  # noqa: PLC0415
    from localstack.services.moto import MotoFallbackDispatcher  # noqa: PLC0415

    from process_emulator.kept_logs import keep_last_lines  # noqa: PLC0415

    keep_last_lines()
    return Service.for_provider(LogsProvider(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="cloudformation")  # type: ignore[untyped-decorator]
def cloudformation_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, which looks sooner whether a resource is ready."""
    from localstack.services.cloudformation.v2.provider import CloudformationProviderV2  # noqa: PLC0415

    from process_emulator.short_waits import look_again_at_resources, wait_shortly_between_attempts  # noqa: PLC0415

    look_again_at_resources()
    wait_shortly_between_attempts()
    return Service.for_provider(CloudformationProviderV2())


@aws_provider(api="s3")  # type: ignore[untyped-decorator]
def s3_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, with its files in our folder.

    It would put them into /tmp/localstack-s3-storage, which emulators of other folders and other users have too.
    """
    from localstack.services.s3.provider import S3Provider  # noqa: PLC0415
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore  # noqa: PLC0415

    return Service.for_provider(S3Provider(EphemeralS3ObjectStore()))


@aws_provider(api="stepfunctions")  # type: ignore[untyped-decorator]
def stepfunctions_default() -> Service:
    """In the place of LocalStack's plugin: its own provider, which parses each path and state machine once.

    It starts the functions of an execution before it needs them.
    """
    from process_emulator.worked_out_once import (  # noqa: PLC0415
        parse_definitions_once,
        parse_paths_once,
        without_batch,
    )

    with without_batch():
        from process_emulator.proactive import ProactiveStepFunctions  # noqa: PLC0415

    parse_definitions_once()
    parse_paths_once()
    return Service.for_provider(ProactiveStepFunctions())


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_moto() -> Service:
    """`PROVIDER_OVERRIDE_DYNAMODB=moto`."""
    from localstack.aws.api.dynamodb import DynamodbApi  # noqa: PLC0415

    from process_emulator.dynamodb import moto_service  # noqa: PLC0415

    return moto_service(DynamodbApi)


@aws_provider(api="dynamodbstreams", name="moto")  # type: ignore[untyped-decorator]
def dynamodbstreams_moto() -> Service:
    """`PROVIDER_OVERRIDE_DYNAMODBSTREAMS=moto`."""
    from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi  # noqa: PLC0415

    from process_emulator.dynamodb import moto_service  # noqa: PLC0415

    return moto_service(DynamodbstreamsApi)
