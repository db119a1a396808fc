"""Files on the form of the page of runs, dropped as a person does it."""

import base64
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.product import Product

# An upload does not go to the API but, at the same origin, to its bucket.
SENT = "a request left the API: https://localhost:"

_DROP = """(files) => {
  const dataTransfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name));
  }
  for (const type of ["dragover", "drop"]) {
    document.querySelector("h1").dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""


def from_file(page: Page) -> Locator:
    """Return the form with a file."""
    return page.locator("form.upload")


def drop(page: Page, **files: bytes) -> None:
    """Drop files on the page, away from the form; their names have dots in place of underscores."""
    named = [(name.replace("_", "."), base64.b64encode(content).decode()) for name, content in files.items()]
    page.evaluate(_DROP, named)


def run_of(page: Page, product: Product) -> dict[str, Any]:
    """Return the run whose page was opened, when it has ended."""
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run run-")
    return product.ended(page.url.rpartition("/")[2])
