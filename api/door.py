"""API: what the routes ask of Temporal, without naming it. `api.client` is the real one, tests have their own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.claim import Claim
from domain.kinds import Action
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    Decision,
    ParcelArrived,
    ParcelScanned,
    PaymentChanged,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.entitlements import (
    ApproveVerification,
    ChangeOwner,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    PlanEnded,
    RefundPlan,
)
from messages.registry import (
    ActivateDevice,
    BindController,
    BuyPlan,
    PlanBought,
    PlanDeclined,
    PlanRefused,
    PlantTerm,
    RegisterDevice,
    UnbindController,
)
from messages.renewals import RegionReminded, RemindRegion

Submission = SubmitCareExpress | SubmitFlyaway | SubmitRepair | SubmitMaintenance
Command = (
    RegisterDevice | ActivateDevice | BindController | UnbindController | PlantTerm | ApproveVerification | ChangeOwner
)
"""Short commands about one device: each is done at once or refused."""


class Unavailable(Exception):
    """Temporal, or everybody who would do the work, does not answer. What was asked may still happen."""


class ClocksFixed(Exception):
    """The Temporal server moves no claim's clock."""


class Gone(Exception):
    """Temporal has no such claim running: it never existed, it has ended, or its history is no longer kept."""


class Refused(Exception):
    """A workflow or an activity said no. `code` is its typed answer, `allowed_actions` what it would take instead.

    `fields` are pairs of a field's name and what is wrong with it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        rule: str | None = None,
        allowed_actions: Sequence[Action] | None = None,
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.rule = rule
        self.allowed_actions = allowed_actions
        self.fields = fields


class Door(Protocol):
    """Every method raises Unavailable when nobody answers in time. `key` makes a repeated call find its first try."""

    async def open(self) -> None:
        """Begin to connect; returns at once."""

    async def close(self) -> None: ...

    async def ready(self) -> bool:
        """Whether Temporal answers now."""

    async def submit(
        self, ask: Submission, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        """Start the claim. None: it is durably started and not judged yet; `provisional` is what is known of it.

        Raises Gone when the claim of this key has ended and its answer is no longer kept.
        """

    async def claim(self, claim_id: str) -> Claim | None:
        """A started claim the record does not know yet, from what it was started with; None when there is none."""

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        """Send a decision and await the claim as it is afterwards. Raises Refused, Gone."""

    async def report(self, claim_id: str, event: ParcelScanned | ParcelArrived | PaymentChanged) -> None:
        """Tell the claim what happened in the world. Raises Gone."""

    async def now(self, claim_id: str) -> datetime:
        """The moment on the claim's own clock. Raises Gone where clocks can be moved and the claim has ended."""

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        """Move the claim's clock and wait until nothing is in flight. None when the claim ended.

        Raises Gone; ClocksFixed where the server was not started for it. After Unavailable the clock may have moved.
        """

    async def buy_plan(self, ask: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        """Buy a plan under `ask.plan_id`; asking again with the same id answers as the first time."""

    async def refund_plan(self, ask: RefundPlan, summary: str) -> PlanEnded | PlanRefused:
        """Give a plan back under `ask.refund_id`; asking again with the same id answers as the first time."""

    async def command(self, ask: Command, key: str) -> str:
        """Have it done; answers the serial number as it is kept. Raises Refused."""

    async def issue_maintenance_code(
        self, ask: IssueMaintenanceCode, key: str
    ) -> MaintenanceCodeIssued | MaintenanceRefused:
        """Have the device's one code issued. Raises Refused for a device nobody knows."""

    async def remind(self, ask: RemindRegion, reminders_id: str) -> RegionReminded:
        """Run the renewal reminders of a region under that id, to their end."""
