"""The API's answers: lookups, reports, problems, pages, and the OpenAPI document that describes them."""
