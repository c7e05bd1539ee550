"""Messages: other entitlements of a device: verification, change of owner, maintenance code, plan refund."""

from abc import ABC, abstractmethod
from datetime import date, datetime
from typing import Literal

from temporalio import activity

from domain.money import Money
from domain.reasons import Reason
from messages.base import Message
from messages.registry import Owner, PlanRefused, Registered


class ApproveVerification(Message):
    """The video verification was approved at `approved_at`: opens 72 hours to buy (R-PUR-2)."""

    serial_number: str
    approved_at: datetime
    at: datetime


class ChangeOwner(Message):
    """The plan stays with the serial number; the binding is cleared; an open claim forbids it (R-XFR-1)."""

    serial_number: str
    owner: Owner
    at: datetime


class CorrectOwner(Message):
    """Correct the particulars of the same owner, whatever is open; bindings stay (R-XFR-2).

    `changes` has the fields to change: name, email, phone, language; None removes a phone number or a language.
    """

    serial_number: str
    changes: dict[str, str | None]
    actor: str
    at: datetime


class MoveRegion(Message):
    """Staff move a device with its cover to the region `region`, because its owner has moved (R-XFR-3)."""

    serial_number: str
    region: str
    reason: str
    actor: str
    at: datetime


class IssueMaintenanceCode(Message):
    """Issue the device's one maintenance code (R-MNT-1): `code`, unless it has one already."""

    serial_number: str
    code: str
    at: datetime


class MaintenanceCodeIssued(Message):
    """`expires_on` is its last day."""

    result: Literal["issued"] = "issued"
    code: str
    expires_on: date


class MaintenanceRefused(Message):
    result: Literal["refused"] = "refused"
    reasons: tuple[Reason, ...]


class ApprovePlan(Message):
    """Staff let a plan count whose purchase an activation told later has put in question (R-PUR-6)."""

    serial_number: str
    plan_id: str
    reason: str
    actor: str
    at: datetime


class RefundPlan(Message):
    """Cancel a plan and refund its price (R-CAN-1). `refund_id` is this refund's id and its workflow's.

    `rejected`: staff's reason why a plan in question does not count (R-PUR-6); it is refunded whenever that is.
    """

    refund_id: str
    plan_id: str
    serial_number: str
    actor: str = "customer"
    rejected: str = ""


class EndPlan(Message):
    """End the plan at `at` if it may be refunded. A retry of the same refund returns the same result."""

    refund: RefundPlan
    at: datetime


class PlanEnded(Message):
    """The plan has ended; `price` is to be refunded from `payment_id`. `refund_refused`: the gateway has refused that,
    and staff have to refund it."""

    result: Literal["ended"] = "ended"
    plan_id: str
    price: Money
    payment_id: str
    ended_at: datetime
    refund_refused: bool = False


class NoteRefusedRefund(Message):
    """The gateway refused the refund `refund_id` of the plan, which has ended."""

    plan_id: str
    refund_id: str


class Entitlements(ABC):
    """Our own database. Refusals of the short commands are ApplicationErrors as in messages.registry.Registry."""

    @activity.defn
    @abstractmethod
    async def approve_verification(self, request: ApproveVerification) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def change_owner(self, request: ChangeOwner) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def correct_owner(self, request: CorrectOwner) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def move_region(self, request: MoveRegion) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def approve_plan(self, request: ApprovePlan) -> Registered: ...

    @activity.defn
    @abstractmethod
    async def issue_maintenance_code(
        self, request: IssueMaintenanceCode
    ) -> MaintenanceCodeIssued | MaintenanceRefused: ...

    @activity.defn
    @abstractmethod
    async def end_plan(self, request: EndPlan) -> PlanEnded | PlanRefused: ...

    @activity.defn
    @abstractmethod
    async def note_refused_refund(self, request: NoteRefusedRefund) -> None: ...
