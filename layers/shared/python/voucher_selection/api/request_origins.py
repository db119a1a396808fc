"""Reject requests that a browser sends from a page of another site."""

from collections.abc import Mapping

from voucher_selection.api.problems import CrossSite

# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site: `none` is an action of the person.
_OWN = {"same-origin", "none"}


def check_same_site(headers: Mapping[str, str]) -> None:
    """Check that a browser's request comes from our own pages: another page could act with the person's rights.

    A request without the header does not come from a browser, and passes.

    Raises
    ------
    CrossSite
        A page of another site sent the request.
    """
    site = headers.get("Sec-Fetch-Site", "none").lower()
    if site not in _OWN:
        raise CrossSite(f"expected a request from the API's own pages, got one from a page of another site ({site})")
