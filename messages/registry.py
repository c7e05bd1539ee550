"""Messages: devices, bindings and plans. Short commands run as standalone activities; buying is a workflow."""

from abc import ABC, abstractmethod
from datetime import date, datetime
from typing import Literal

from temporalio import activity

from domain.kinds import TermKind
from domain.money import Money
from domain.reasons import Reason
from messages.base import Message


class Owner(Message):
    """`phone` as it was typed; `language` is a BCP 47 tag."""

    name: str
    email: str
    phone: str | None = None
    language: str | None = None


class RegisterDevice(Message):
    """`activated_at` None: not activated yet, so that cover bought now starts later (R-PUR-5).

    `serial_number_confirmed`: a person has read the label again, so a look-alike is another unit.
    """

    serial_number: str
    model: str
    region: str
    owner: Owner
    activated_at: datetime | None
    at: datetime
    serial_number_confirmed: bool = False


class ActivateDevice(Message):
    serial_number: str
    activated_at: datetime
    at: datetime


class BindController(Message):
    """Bind `remote_controller`; an active binding of the same serial number ends at `bound_at`."""

    serial_number: str
    remote_controller: str
    bound_at: datetime
    at: datetime


class UnbindController(Message):
    serial_number: str
    at: datetime


class PlantTerm(Message):
    """Development only: a term with any dates, to try expiry, grace and renewal."""

    serial_number: str
    kind: TermKind
    starts_on: date
    term_id: str
    at: datetime


class Registered(Message):
    """`serial_number` as it was given when the device was registered."""

    serial_number: str


class Registry(ABC):
    """Devices and bindings. Refusals are ApplicationErrors of type `not_found`, `conflict` or `invalid_request`."""

    @activity.defn
    @abstractmethod
    async def register_device(self, request: RegisterDevice) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def activate_device(self, request: ActivateDevice) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def bind_controller(self, request: BindController) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def unbind_controller(self, request: UnbindController) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def plant_term(self, request: PlantTerm) -> Registered: ...


class BuyPlan(Message):
    """Buy the first plan of a device, or renew its cover. `plan_id` is the purchase's id and its workflow's."""

    plan_id: str
    serial_number: str
    kind: TermKind
    region: str | None
    payment_method: str
    renewal: bool = False
    actor: str = "customer"


class PlanBought(Message):
    """`starts_on` None until the device is activated. `gap`: the days before it stay uncovered (R-REN-3)."""

    result: Literal["bought"] = "bought"
    plan_id: str
    kind: TermKind
    price: Money
    purchased_at: datetime
    starts_on: date | None
    ends_on: date | None
    gap: bool = False


class PlanRefused(Message):
    result: Literal["refused"] = "refused"
    reasons: tuple[Reason, ...]


class PlanDeclined(Message):
    result: Literal["declined"] = "declined"
    code: str


class PlanPriced(Message):
    """The plan may be bought for `price`."""

    result: Literal["priced"] = "priced"
    price: Money


class CheckPlan(Message):
    """Check whether the plan may be bought at `at`, and for which price. Writes nothing."""

    plan: BuyPlan
    at: datetime


class AddPlan(Message):
    """Write the bought plan. `price` and `payment_id` are what was charged."""

    plan: BuyPlan
    price: Money
    payment_id: str
    at: datetime


class Plans(ABC):
    """Terms of cover in our own database."""

    @activity.defn
    @abstractmethod
    async def check_plan(self, request: CheckPlan) -> PlanPriced | PlanRefused: ...

    @activity.defn
    @abstractmethod
    async def add_plan(self, request: AddPlan) -> PlanBought | PlanRefused: ...
