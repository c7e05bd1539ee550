"""Messages: requests to the warehouse. It reports back through the API, when people have acted."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Literal

from temporalio import activity

from messages.base import Message
from messages.claims import ShipTo


class RequestDispatch(Message):
    """Ship a unit of `model` (the same model, R-CLM-8), with a battery of the same version when `with_battery`.

    `serial_number` names the unit that came back and is to be shipped again, `number` counts from 1 how often; None and
    0: any new unit (R-EXP-10).
    """

    claim_id: str
    model: str
    region: str
    with_battery: bool
    ship_to: ShipTo
    at: datetime
    number: int = 0
    serial_number: str | None = None


class WithdrawDispatch(Message):
    """Withdraw the dispatch request, when nothing has left yet."""

    claim_id: str
    at: datetime


class ChangeAddress(Message):
    """Ship what was requested for the claim, the replacement or the customer's own unit, to `ship_to` and no longer to
    `instead_of`."""

    claim_id: str
    ship_to: ShipTo
    instead_of: ShipTo


class DispatchLeft(Message):
    """It is too late to withdraw or change the request: the unit has left, or cannot be stopped any more."""

    result: Literal["left"] = "left"


class DispatchRequested(Message):
    """`reference` is the warehouse's number for the request."""

    reference: str


class Warehouse(ABC):
    """The warehouse. One request a claim; a retry changes nothing. A request made after a withdrawal, or
    with a higher `number`, opens it again."""

    @activity.defn
    @abstractmethod
    async def request_dispatch(self, request: RequestDispatch) -> DispatchRequested: ...

    @activity.defn
    @abstractmethod
    async def withdraw_dispatch(self, request: WithdrawDispatch) -> DispatchLeft | None:
        """None: it is withdrawn, and nothing leaves. The answer of release 0.2.0 is always None."""

    @activity.defn
    @abstractmethod
    async def change_address(self, request: ChangeAddress) -> DispatchLeft | None:
        """None: whatever was requested goes to the new address. Nothing requested yet is nothing to change."""
