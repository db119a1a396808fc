"""Where a browser says that a request comes from."""

from collections.abc import Mapping

from voucher_selection.api.problems import CrossSite

# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site: `none` is a person's own doing.
_OWN = {"same-origin", "none"}


def check_same_site(headers: Mapping[str, str]) -> None:
    """Refuse what a browser sends from a page that is not ours: it would act with the rights of whoever sits there.

    A request without the header is no browser's.

    Raises
    ------
    CrossSite
    """
    site = headers.get("Sec-Fetch-Site", "none").lower()
    if site not in _OWN:
        raise CrossSite(f"expected a request from the API's own pages, got one from a page of another site ({site})")
