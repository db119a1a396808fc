"""The code of an error that an AWS service answered with. Without boto3: the API starts faster without it."""

from botocore.exceptions import ClientError


def code_of(error: ClientError) -> str:
    """Return the code, such as `AccessDenied`; empty if the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))
