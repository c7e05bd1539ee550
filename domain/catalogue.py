"""Domain: models, regions and prices there (R-CAT). Prices are data; this module validates them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.dates import zone_known
from domain.kinds import BODIES, Category, Component, TermKind
from domain.money import Money
from domain.serials import pattern_problem


@dataclass(frozen=True, slots=True)
class Region:
    """A sales region.

    `time_zone` is an IANA name: every calendar day of a claim is a day there. `countries` are ISO 3166 codes of the
    addresses it delivers to. `window_days` is R-RET-1's N. `purchase_hours` maps a category to R-PUR-1's window.
    """

    code: str
    name: str
    currency: str
    time_zone: str
    countries: tuple[str, ...]
    premium: bool
    window_days: int
    purchase_hours: Mapping[Category, int]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one model costs in one region; every amount in the region's currency.

    `fees[n-1]` is the fee of the n-th use of a term, the last entry repeats (R-CAT-3). `hold` is the Premium
    pre-authorization (R-EXP-5). `differences` is what a missing covered component costs (R-CMP-1), for every one but
    the main body; it may be nothing. `estimated` names the fields whose figures are estimates.
    """

    product_value: Money
    prices: Mapping[TermKind, Money]
    fees: tuple[Money, ...]
    hold: Money
    flyaway_fee: Money | None = None
    differences: Mapping[Component, Money] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A product. `components` are the covered ones; `offers` are keyed by region code.

    `serial_pattern` is a regular expression of its serial numbers, upper case without spaces and hyphens (R-INS-5).
    """

    slug: str
    name: str
    category: Category
    flyaway: bool
    battery_removable: bool
    maintenance: bool
    components: tuple[Component, ...]
    offers: Mapping[str, Offer]
    serial_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    regions: tuple[Region, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a catalogue: where, by which rule, and what to do."""

    where: str
    rule: str
    message: str


def fee_for_use(offer: Offer, used_before: int) -> Money:
    """The replacement fee after `used_before` uses of any kind in the term (R-CAT-3, decision 10)."""
    return offer.fees[min(used_before, len(offer.fees) - 1)]


def expected_components(model: Model, replace_battery: bool) -> tuple[Component, ...]:
    """What must come back: every covered component, the battery only when a replacement battery went out (R-EXP-7)."""
    return tuple(c for c in model.components if c is not Component.BATTERY or replace_battery)


def difference_for(offer: Offer, component: Component) -> Money:
    """What a missing `component` costs; nothing for the main body, which is the device itself (R-CMP-1)."""
    return offer.differences.get(component, offer.product_value.zero())


def problems(catalogue: Catalogue) -> list[Problem]:
    """Everything that forbids selling from `catalogue`: all problems at once (R-CAT-1, R-CAT-2, edge cases 55, 65)."""
    regions = {region.code: region for region in catalogue.regions}
    found = [*_doubles("regions", [r.code for r in catalogue.regions])]
    found += _doubles("models", [m.slug for m in catalogue.models])
    for region in catalogue.regions:
        if not zone_known(region.time_zone):
            found.append(
                Problem(f"regions.{region.code}.time_zone", "R-RET-2", f"There is no time zone {region.time_zone!r}.")
            )
        if not 7 <= region.window_days <= 14:
            found.append(
                Problem(f"regions.{region.code}.window_days", "R-RET-1", "The return window must be 7 to 14 days.")
            )
        for category in Category:
            if region.purchase_hours.get(category, 0) <= 0:
                found.append(
                    Problem(f"regions.{region.code}.purchase_hours", "R-PUR-1", f"No purchase window for {category}.")
                )
    for model in catalogue.models:
        found += _model_problems(model, regions)
    return found


def _doubles(where: str, names: list[str]) -> Iterable[Problem]:
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield Problem(f"{where}.{name}", "R-CAT-1", "Listed more than once.")


def _model_problems(model: Model, regions: Mapping[str, Region]) -> Iterable[Problem]:
    where = f"models.{model.slug}"
    if model.flyaway and model.category is not Category.DRONE:
        yield Problem(f"{where}.flyaway", "R-CAT-2", "Flyaway cover exists only for camera drones.")
    if not model.components:
        yield Problem(f"{where}.components", "R-CAT-1", "At least one covered component is needed.")
    if model.battery_removable != (Component.BATTERY in model.components):
        yield Problem(
            f"{where}.components", "R-EXP-7", "A removable battery must be a covered component, and only then."
        )
    if model.serial_pattern is not None and (wrong := pattern_problem(model.serial_pattern)):
        yield Problem(f"{where}.serial_pattern", "R-INS-5", wrong)
    if not model.offers:
        yield Problem(f"{where}.offers", "R-CAT-1", "The model is offered in no region.")
    for code, offer in model.offers.items():
        region = regions.get(code)
        if region is None:
            yield Problem(f"{where}.offers.{code}", "R-CAT-1", f"There is no region {code!r}.")
        else:
            yield from _offer_problems(f"{where}.offers.{code}", model, offer, region)


def _offer_problems(where: str, model: Model, offer: Offer, region: Region) -> Iterable[Problem]:
    amounts = {
        "product_value": offer.product_value,
        "hold": offer.hold,
        **{f"prices.{kind}": price for kind, price in offer.prices.items()},
        **{f"fees.{n}": fee for n, fee in enumerate(offer.fees, 1)},
        **{f"differences.{part}": price for part, price in offer.differences.items()},
    }
    if offer.flyaway_fee is not None:
        amounts["flyaway_fee"] = offer.flyaway_fee
    for name, amount in amounts.items():
        if amount.currency != region.currency:
            yield Problem(f"{where}.{name}", "R-CAT-1", f"Amounts in {region.code} are in {region.currency}.")
        if amount.amount < 0 or (amount.amount == 0 and not name.startswith(("fees", "differences"))):
            rule = "R-EXP-5" if name == "hold" else "R-CAT-1"
            yield Problem(f"{where}.{name}", rule, "The amount must be above zero.")
    if TermKind.ONE_YEAR not in offer.prices:
        yield Problem(f"{where}.prices", "R-CAT-1", "The price of the 1-year plan is missing.")
    if TermKind.REFRESH_PLUS in offer.prices:
        yield Problem(f"{where}.prices", "R-CAT-1", "Refresh+ is no longer sold.")
    for part in model.components:
        if part not in BODIES and part not in offer.differences:
            yield Problem(f"{where}.differences.{part}", "R-CMP-1", "The price of this part, when missing, is missing.")
    if not offer.fees:
        yield Problem(f"{where}.fees", "R-CAT-1", "The replacement fee is missing.")
    if model.flyaway and offer.flyaway_fee is None:
        yield Problem(f"{where}.flyaway_fee", "R-CAT-1", "The flyaway fee is missing.")
    if not model.flyaway and offer.flyaway_fee is not None:
        yield Problem(f"{where}.flyaway_fee", "R-CAT-1", "A flyaway fee on a model without flyaway cover.")
    if offer.hold.currency == offer.product_value.currency and offer.hold.amount > offer.product_value.amount:
        yield Problem(f"{where}.hold", "R-EXP-5", "The hold must not exceed the product value.")
