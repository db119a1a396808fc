"""Visits to the web pages in Chromium, and everything that goes wrong in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

HEIGHTS = {390: 844, 1280: 800}
WIDTHS = tuple(HEIGHTS)
PATIENCE_MS = 15_000
"""How long a page may take: a first what-if starts a function."""

expect.set_options(PATIENCE_MS)


def new_profile(browser: Browser, *, javascript: bool = True) -> BrowserContext:
    """Return a browser profile that nothing is stored in yet."""
    profile = browser.new_context(
        ignore_https_errors=True,  # the emulator signs its certificate itself
        java_script_enabled=javascript,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    profile.set_default_timeout(PATIENCE_MS)
    return profile


@dataclass
class Visits:
    """Opens pages below the API's address, each in a tab of its own.

    Attributes
    ----------
    profile
        Gives the browser profile with JavaScript or without it. Profiles are shared with other tests, since a new one
        connects anew: nothing of a page is stored beyond its tab, which the test of the API key shows.
    faults
        What went wrong, as text: errors on the console (a broken Content-Security-Policy is one, and an HTTP error
        status is), exceptions of scripts, requests that failed, and requests that left the API.
    expected
        Parts of the faults that a test provokes.
    """

    profile: Callable[[bool], BrowserContext]
    api_url: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def __call__(self, path: str, *, javascript: bool = True, width: int = 1280, expected: Sequence[str] = ()) -> Page:
        """Open a page; `expected` are parts of the faults there have to be until the end of the test."""
        self.expected += expected
        page = self.profile(javascript).new_page()
        self.pages.append(page)
        self._watch(page)
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.goto(self.api_url + path)
        return page

    def close(self) -> None:
        """Close all pages.

        Raises
        ------
        AssertionError
            Something went wrong that no test expected, or did not go wrong that one expected.
        """
        for page in self.pages:
            page.close()
        unexpected = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        missing = [part for part in self.expected if not any(part in fault for fault in self.faults)]
        assert not unexpected, "\n".join(["the page did what no page should:", *unexpected])
        assert not missing, f"expected {missing}, got {self.faults}"

    def _watch(self, page: Page) -> None:
        faults = self.faults

        def on_request(url: str) -> None:
            if not url.startswith(self.api_url):
                faults.append(f"a request left the API: {url}")

        page.on("request", lambda request: on_request(request.url))

        def on_failure(request: Request) -> None:
            # Who leaves a page that follows a run aborts what it is asking.
            if not (request.resource_type == "fetch" and request.failure == "net::ERR_ABORTED"):
                faults.append(f"{request.url} failed: {request.failure}")

        page.on("requestfailed", on_failure)
        page.on("pageerror", lambda error: faults.append(f"a script failed: {error}"))
        page.on(
            "console",
            lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None,
        )


def status(code: int) -> str:
    """Return the part of the console's message for an HTTP error status of a page or of what it fetches."""
    return f"the server responded with a status of {code} "
