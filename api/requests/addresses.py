"""API: postal addresses in request bodies, judged by the conventions of their country."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic.json_schema import WithJsonSchema

from api.openapi_examples import with_example
from api.postal import COUNTRIES, is_country, postal_code_problem
from api.requests.base import Body, Line, Phone
from api.requests.text_form import TextForm
from messages.claims import ShipTo

SHIP_TO = {
    "name": "Ada Byron",
    "line1": "12 Harbour Road",
    "line2": None,
    "city": "Portland",
    "region": "Oregon",
    "postal_code": "97201",
    "country": "US",
}


def _known_country(code: str) -> str:
    if not is_country(code):
        raise ValueError("is no country: a code of ISO 3166 of two characters is needed, for example US")
    return code


Country = Annotated[
    str,
    TextForm(r"^[A-Za-z]{2}$", "a country's code of two characters, for example US"),
    AfterValidator(str.upper),
    AfterValidator(_known_country),
    WithJsonSchema({"type": "string", "enum": list(COUNTRIES)}),  # lower case is taken too
]
"""ISO 3166 alpha-2, of a country with postal addresses."""


class AddressBody(Body):
    """Where the replacement, or the customer's own unit, goes.

    `postal_code` may be left out where the country has none, and must have the country's form elsewhere. `region` is
    the state or prefecture; no country requires it here.
    """

    model_config = with_example(SHIP_TO)

    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    country: Country
    # After `country`, which it is judged by.
    postal_code: Annotated[Line, Field(max_length=32)] | None = Field(default=None, validate_default=True)
    phone: Phone | None = None

    @field_validator("postal_code")
    @classmethod
    def _of_the_country(cls, postal_code: str | None, info: ValidationInfo) -> str | None:
        problem = postal_code_problem(info.data.get("country", ""), postal_code)
        if problem:
            raise ValueError(problem)
        return postal_code

    def message(self) -> ShipTo:
        return ShipTo(**self.model_dump())
