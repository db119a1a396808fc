"""Forms, filled and sent as a person does it."""

from playwright.sync_api import Locator, Page, expect

# The seed's request, as the fields of the form take it.
SEED_FIELDS = {
    "country_code": "Peru",
    "segment_name": "recency_segment",
    "total_orders": "15",
    "last_order_ts": "2018-05-03",
    "first_order_ts": "2017-05-03",
    "customer_id": "123",
}


def look_up(page: Page, **fields: str) -> None:
    """Fill the form with the seed's request, but for the fields named, and send it."""
    send(page.locator("form"), **(SEED_FIELDS | fields))


def send(form: Locator, **fields: str) -> None:
    """Fill the fields named, and press the form's button."""
    for name, value in fields.items():
        element = form.locator(f"[name={name}]")
        if element.evaluate("element => element.tagName") == "SELECT":
            element.select_option(value)
        else:
            element.fill(value)
    form.locator("[type=submit]").click()


def assert_told_beside(field: Locator, text: str) -> None:
    """Assert that a field is marked as wrong, and that what is wrong stands right below it and is told with it."""
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    errors = [field.page.locator(f"#{name}.error") for name in described]
    (told,) = (error for error in errors if error.count())
    expect(told).to_contain_text(text)
    expect(told).to_be_visible()
    of_field, of_error = field.bounding_box(), told.bounding_box()
    assert of_field
    assert of_error
    # A hint of two lines may stand between them.
    assert 0 <= of_error["y"] - of_field["y"] - of_field["height"] < 60
    assert abs(of_error["x"] - of_field["x"]) < 5
