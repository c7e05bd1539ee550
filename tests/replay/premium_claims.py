"""What the scenarios of Premium claims share."""

from domain.kinds import Component
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    Waive,
)
from tests.workflows.case import WITHOUT_BATTERY, Case

WORKFLOW = "CareExpressPremium"
NO_RENEWAL = ("renewal", "pm_card_visa")
SAME_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
HARDLY_ANYTHING = (Component.AIRCRAFT,)
WAIVE = Waive(actor="staff", reason="goodwill")
CANCEL = CancelClaim(actor="customer", reason="found a spare")


async def good_box(case: Case) -> str:
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


async def default_over(case: Case) -> str:
    """Nothing came: the charge stands, and so does it when it can be disputed no more."""
    await case.pass_due()
    await case.pass_time(days=11)
    await case.pass_time(days=31)
    return case.id
