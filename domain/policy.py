"""Domain: the decisions that may differ between programmes. They are frozen onto each claim when it is created."""

from dataclasses import dataclass

from domain.kinds import HoldPolicy


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults are the decisions of docs/decisions/0003; days are calendar days in the region's zone.

    `cure_days` 0 charges a wrong box as soon as it is inspected. A repair quote above
    `second_person_percent` of the product's value needs a second person (R-REP-6). `late_fee` is in minor units of the
    claim's currency. With `refund_undone_fee` the fee goes back when a replacement is undone (R-EXP-10).
    """

    cure_days: int = 3
    parts_days: int = 7
    transit_grace_days: int = 5
    late_return_days: int = 10
    late_fee: int = 0
    max_extension_days: int = 7
    standard_item_days: int = 30
    payment_days: int = 14
    flyaway_report_days: int = 30
    inspection_days: int = 3
    dispute_days: int = 30
    repair_payment_days: int = 30
    second_person_percent: int = 50
    found_watch_days: int = 365
    card_days: int = 14
    dispatch_days: int = 7
    hold_wait_days: int = 30
    refund_undone_fee: bool = False
    premium_brands: tuple[str, ...] = ("visa", "mastercard", "amex")
    premium_funding: tuple[str, ...] = ("credit",)
    hold_policy: HoldPolicy = HoldPolicy.SAVED_CARD
