"""The address of a deployed API, as it is reached where it was deployed: on AWS, or at an endpoint like it."""

import re

_ON_AWS = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.[a-z.]+/(?P<stage>\w+)/")


def reachable(url: str, endpoint: str | None) -> str:
    """Return the address at which an API answers; with an endpoint, an address of AWS leads to the endpoint.

    An implementation of AWS's services that names APIs as AWS does answers them below `/_aws/execute-api/`.

    Examples
    --------
    >>> reachable("https://a1b2.execute-api.eu-west-1.amazonaws.com/dev/", "http://127.0.0.1:4690")
    'http://127.0.0.1:4690/_aws/execute-api/a1b2/dev/'
    >>> reachable("https://a1b2.execute-api.eu-west-1.amazonaws.com/dev/", None)
    'https://a1b2.execute-api.eu-west-1.amazonaws.com/dev/'
    >>> reachable("https://vouchers.example.com/", "http://127.0.0.1:4690")
    'https://vouchers.example.com/'
    """
    named = _ON_AWS.fullmatch(url)
    if endpoint is None or named is None:
        return url
    return f"{endpoint.rstrip('/')}/_aws/execute-api/{named['api']}/{named['stage']}/"
