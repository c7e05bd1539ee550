"""API: a postal address as a response. Personal data: of a claim it is shown to the roles that need it."""

from api.postal import label_lines
from api.responses.base import View
from messages.claims import ShipTo


class AddressView(View):
    """The address as it was typed. `lines`: as on a label, in the order of its country."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str
    phone: str | None
    lines: tuple[str, ...]

    @classmethod
    def of(cls, address: ShipTo) -> "AddressView":
        return cls(lines=label_lines(address), **address.model_dump())
