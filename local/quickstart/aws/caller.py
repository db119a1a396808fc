"""A caller of a deployed API, who proves who they are as the stage demands: with its key, or with signatures."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.quickstart.aws.account import Account
from local.quickstart.machine.http_client import Answer, ask
from local.quickstart.machine.steps import StepError
from voucher_selection.contract.api import Auth

_ANSWER_SECONDS = 30
JSON = "application/json"


class Caller:
    """Requests to the API of a stack with these outputs; `asked` counts them.

    The key is read when it is first needed. An API with its own domain is asked through the domain's target: the
    domain's record is often made only after the deployment has named the target.
    """

    def __init__(self, account: Account, outputs: Mapping[str, str], auth: Auth) -> None:
        self._account, self._outputs, self._auth = account, outputs, auth
        self._key = ""
        self.url, self.target = outputs["ApiUrl"], outputs.get("DomainTarget")
        self.asked = 0

    def ask(self, path: str, body: str | None = None, *, sends: str = JSON, accepts: str = JSON) -> Answer:
        """Get a path, or post a body to it, with a proof of who asks; raise `ConnectionError` without an answer."""
        headers = {"Content-Type": sends, "Accept": accepts}
        return self._send(path, body, headers | self._proof(path, body, sends))

    def ask_unproven(self, path: str, body: str | None = None, *, accepts: str = JSON) -> Answer:
        """Do the same without a proof."""
        return self._send(path, body, {"Content-Type": JSON, "Accept": accepts})

    def headers(self, path: str, body: str, sends: str = JSON) -> dict[str, str]:
        """Return the headers of a request that somebody else sends."""
        return {"Content-Type": sends, "Accept": JSON, **self._proof(path, body, sends)}

    def _send(self, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        self.asked += 1
        agent = {"User-Agent": "voucher-selection-quickstart"}
        return ask(f"{self.url}{path}", body, agent | dict(headers), seconds=_ANSWER_SECONDS, through=self.target)

    def _proof(self, path: str, body: str | None, sends: str) -> dict[str, str]:
        match self._auth:
            case "api_key":
                self._key = self._key or self._read_key()
                return {"x-api-key": self._key}
            case "iam":
                return self._signature(path, body, sends)
            case _:
                return {}

    def _read_key(self) -> str:
        gateway, key_id = self._account.client("apigateway"), self._outputs.get("ApiKeyId")
        try:
            return str(gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])
        except ClientError as error:
            raise StepError(
                f"it is deployed, and the API's key cannot be read: {error}. Allow apigateway:GET on /apikeys/*, as"
                " docs/deployment.md has it"
            ) from error

    def _signature(self, path: str, body: str | None, sends: str) -> dict[str, str]:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - completing a word needs no signatures
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        method = "GET" if body is None else "POST"
        request = AWSRequest(method, f"{self.url}{path}", data=body, headers={"Content-Type": sends})
        credentials: Any = self._account.session.get_credentials()  # they exist: they have deployed
        SigV4Auth(credentials, "execute-api", self._account.region).add_auth(request)
        return dict(request.headers.items())
