"""The web pages in Chromium, as the running product serves them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from local.quickstart.project import browser
from tests.browser.pictures import PICTURES, ColorScheme, take
from tests.browser.visits import Visits, new_profile
from tests.product import Product

# Nothing that the browser does by itself, of which a request could be taken for the page's.
QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = browser.find()
    assert program, f"none of {browser.PROGRAMS} is on the PATH; ./quickstart test installs one"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", *QUIET]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def served(product: Product, sample: Path) -> Product:
    """The product with the model of the sample, whatever was run or stopped before."""
    try:
        told = product.request("GET", "health").json()
    except httpx.TransportError:
        told = {}
    if told.get("model", {}).get("cur_date") != "2018-09-15":
        product.run("--source", str(sample))
    return product


@pytest.fixture(scope="session")
def profile(chromium: Browser) -> Callable[[bool], BrowserContext]:
    """Gives the profile with JavaScript, or the one without it."""
    profiles = {javascript: new_profile(chromium, javascript=javascript) for javascript in (True, False)}
    return profiles.__getitem__


@pytest.fixture
def visit(profile: Callable[[bool], BrowserContext], served: Product) -> Iterator[Visits]:
    """Opens pages, and fails the test whose pages had errors that it did not expect."""
    visits = Visits(profile, served.status_once["api_url"])
    yield visits
    visits.close()


@pytest.fixture(scope="session")
def runs(served: Product) -> dict[str, str]:
    """The ids of a run that has succeeded and of one that has failed: there is no such object."""
    failed = served.execute(source=f"s3://{served.status_once['bucket']}/uploads/lost.parquet")
    assert failed["status"] == "FAILED"
    return {"succeeded": served.served_version().rpartition("Z-")[2], "failed": failed["run_id"]}


@pytest.fixture(scope="module")
def served_again(served: Product) -> Iterator[Product]:
    """The product, for tests that publish: what was served before them is served after them."""
    version = served.served_version()
    yield served
    if served.served_version() != version:
        served.execute(mode="rollback", version=version)


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str, int, ColorScheme], None]:
    """Writes the picture of a scene to docs/screenshots, if there is to be one and pytest has `--screenshots`."""
    wanted = PICTURES if request.config.getoption("--screenshots") else {}

    def write(page: Page, scene: str, width: int, color_scheme: ColorScheme) -> None:
        if (scene, width, color_scheme) in wanted:
            take(page, wanted[scene, width, color_scheme])

    return write
