"""Visits to the web pages in Chromium, and everything that goes wrong in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

HEIGHTS = {390: 844, 1280: 800}
WIDTHS = tuple(HEIGHTS)


@dataclass
class Visits:
    """Opens pages below the API's address, each in a browser profile of its own.

    Attributes
    ----------
    faults
        What went wrong, as text: errors on the console (a broken Content-Security-Policy is one, and an HTTP error
        status is), exceptions of scripts, requests that failed, and requests that left the API.
    expected
        Parts of the faults that a test provokes.
    """

    browser: Browser
    api_url: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        path: str,
        *,
        javascript: bool = True,
        width: int = 1280,
        dark: bool = False,
        headers: Mapping[str, str] | None = None,
        expected: Sequence[str] = (),
    ) -> Page:
        """Open a page; `expected` are parts of the faults there have to be until the end of the test."""
        self.expected += expected
        context = self.browser.new_context(
            ignore_https_errors=True,  # the emulator signs its certificate itself
            java_script_enabled=javascript,
            viewport={"width": width, "height": HEIGHTS.get(width, 800)},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            extra_http_headers=dict(headers or {}),
        )
        self.contexts.append(context)
        context.set_default_timeout(15_000)
        self._watch(context)
        page = context.new_page()
        page.goto(self.api_url + path)
        return page

    def close(self) -> None:
        """Close all pages.

        Raises
        ------
        AssertionError
            Something went wrong that no test expected, or did not go wrong that one expected.
        """
        for context in self.contexts:
            context.close()
        unexpected = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        missing = [part for part in self.expected if not any(part in fault for fault in self.faults)]
        assert not unexpected, "\n".join(["the page did what no page should:", *unexpected])
        assert not missing, f"expected {missing}, got {self.faults}"

    def _watch(self, context: BrowserContext) -> None:
        faults = self.faults

        def on_request(url: str) -> None:
            if not url.startswith(self.api_url):
                faults.append(f"a request left the API: {url}")

        context.on("request", lambda request: on_request(request.url))
        context.on("requestfailed", lambda request: faults.append(f"{request.url} failed: {request.failure}"))
        context.on("weberror", lambda error: faults.append(f"a script failed: {error.error}"))
        context.on(
            "console",
            lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None,
        )


def status(code: int) -> str:
    """Return the part of the console's message for an HTTP error status of a page or of what it fetches."""
    return f"the server responded with a status of {code} "
