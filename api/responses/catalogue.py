"""API: products and what they cost, region by region."""

from api.openapi_examples import with_example
from api.responses.base import MoneyView, Page, View
from domain.catalogue import Catalogue, Model, Offer, Region
from domain.kinds import Category, Component, TermKind

_OFFER = {
    "name": "United States",
    "currency": "USD",
    "product_value": {"amount": 205000, "currency": "USD"},
    "prices": {"1y": {"amount": 23900, "currency": "USD"}, "2y": {"amount": 39900, "currency": "USD"}},
    "fees": [{"amount": 15900, "currency": "USD"}, {"amount": 19900, "currency": "USD"}],
    "flyaway_fee": {"amount": 73900, "currency": "USD"},
    "hold": {"amount": 164000, "currency": "USD"},
    "return_window_days": 14,
    "premium": True,
    "differences": {
        "aircraft": {"amount": 205000, "currency": "USD"},
        "gimbal_camera": {"amount": 82000, "currency": "USD"},
        "propellers": {"amount": 1200, "currency": "USD"},
        "battery": {"amount": 20900, "currency": "USD"},
    },
    "estimated": [
        "product_value",
        "hold",
        "prices.2y",
        "differences.aircraft",
        "differences.gimbal_camera",
        "differences.propellers",
        "differences.battery",
    ],
}
_PRODUCT = {
    "model": "mavic-3",
    "name": "Mavic 3",
    "category": "camera_drone",
    "flyaway": True,
    "maintenance": True,
    "battery_removable": True,
    "components": ["aircraft", "gimbal_camera", "propellers", "battery"],
    "serial_pattern": None,
    "regions": {"US": _OFFER},
}


class OfferView(View):
    """What the product costs in one region. `fees[n-1]` is the fee of the n-th use of a term, the last one repeats.

    `premium`: whether Care Express Premium is offered there. `differences` is what a missing component costs;
    `estimated` names the figures that are estimates.
    """

    name: str
    currency: str
    product_value: MoneyView
    prices: dict[TermKind, MoneyView]
    fees: list[MoneyView]
    flyaway_fee: MoneyView | None
    hold: MoneyView
    return_window_days: int
    premium: bool
    differences: dict[Component, MoneyView]
    estimated: list[str]

    @classmethod
    def of(cls, offer: Offer, region: Region) -> "OfferView":
        return cls(
            name=region.name,
            currency=region.currency,
            product_value=offer.product_value,
            prices=offer.prices,
            fees=offer.fees,
            flyaway_fee=offer.flyaway_fee,
            hold=offer.hold,
            return_window_days=region.window_days,
            premium=region.premium,
            differences=offer.differences,
            estimated=list(offer.estimated),
        )


class ProductView(View):
    """A product. `components` are the covered ones; `regions` is keyed by region code."""

    model_config = with_example(_PRODUCT)

    model: str
    name: str
    category: Category
    flyaway: bool
    maintenance: bool
    battery_removable: bool
    components: list[Component]
    serial_pattern: str | None
    regions: dict[str, OfferView]

    @classmethod
    def of(cls, model: Model, catalogue: Catalogue) -> "ProductView":
        return cls(
            model=model.slug,
            name=model.name,
            category=model.category,
            flyaway=model.flyaway,
            maintenance=model.maintenance,
            battery_removable=model.battery_removable,
            components=list(model.components),
            serial_pattern=model.serial_pattern,
            regions={
                region.code: OfferView.of(model.offers[region.code], region)
                for region in catalogue.regions
                if region.code in model.offers
            },
        )


class ProductList(Page[ProductView]):
    model_config = with_example({"items": [_PRODUCT], "next_cursor": None})
