"""API: what routes send to claims. `api.temporal_client` implements it, tests have a fake."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.claim import Claim
from domain.kinds import Action
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    Decision,
    OwnerCorrected,
    ParcelEvent,
    PaymentChanged,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.entitlements import (
    ApprovePlan,
    ApproveVerification,
    ChangeOwner,
    CorrectOwner,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    MoveRegion,
    PlanEnded,
    RefundPlan,
)
from messages.lanes import Lane
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
DeviceCommand = (
    RegisterDevice
    | ActivateDevice
    | BindController
    | UnbindController
    | PlantTerm
    | ApproveVerification
    | ApprovePlan
    | ChangeOwner
    | CorrectOwner
    | MoveRegion
)
"""Short commands about one device: each is executed at once or rejected."""


class TemporalUnavailable(Exception):
    """Temporal or its workers do not answer. The command may still be executed."""


class TimeSkippingUnsupported(Exception):
    """The Temporal server cannot move a workflow's clock."""


class ClaimNotRunning(Exception):
    """No such workflow is running: it never existed, it has closed, or its history is no longer kept."""


class EventNotTaken(Exception):
    """The workflow is running and Temporal does not let it have the event, for example at its limit of signals."""


class CommandRejected(Exception):
    """A workflow or an activity rejected the command.

    `code` is the error's type, `rule` the rule id, `allowed_actions` what the claim accepts instead. `fields` are pairs
    of a field's name and what is wrong with it. `decline_code` is the gateway's, of a declined payment.
    """

    def __init__(
        self,
        code: str,
        message: str,
        rule: str | None = None,
        allowed_actions: Sequence[Action] | None = None,
        fields: Sequence[tuple[str, str]] = (),
        decline_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.rule = rule
        self.allowed_actions = allowed_actions
        self.fields = fields
        self.decline_code = decline_code


class ClaimCommands(Protocol):
    """Every method raises TemporalUnavailable when there is no answer in time.

    A command with the `key` of an earlier one returns that one's result and has no further effect.
    """

    async def open(self) -> None:
        """Begin to connect; returns at once."""

    async def close(self) -> None: ...

    async def lanes_without_worker(self) -> list[Lane]:
        """The lanes that no worker polls; all of them when Temporal does not answer."""

    async def ready(self) -> bool:
        """Whether Temporal answers now."""

    async def submit(
        self, submission: Submission, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        """Start the claim's workflow and await the decision on the submission.

        `provisional` is the claim before the decision; `summary` is one line for Temporal's UI. None means that the
        workflow is durably started and has not decided yet. Raises ClaimNotRunning when the claim of this key has
        closed and its result is no longer kept.
        """

    async def pending_claim(self, claim_id: str) -> Claim | None:
        """A started claim that the database does not have yet, as it was submitted; None when there is none."""

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        """Send an update and await the claim after it. Raises CommandRejected, ClaimNotRunning."""

    async def send_event(self, claim_id: str, event: ParcelEvent | PaymentChanged | OwnerCorrected) -> None:
        """Signal the claim that something happened. Raises ClaimNotRunning, EventNotTaken."""

    async def claim_time(self, claim_id: str) -> datetime:
        """The current time on the claim's own clock. Raises ClaimNotRunning where clocks can be moved."""

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        """Move the claim's clock and wait until it has no work in progress. None when the claim closed.

        Raises ClaimNotRunning; TimeSkippingUnsupported where the server was not started for it. After
        TemporalUnavailable the clock may have moved.
        """

    async def buy_plan(self, command: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        """Buy a plan under `command.plan_id`; a repeated call with the same id returns the first result."""

    async def refund_plan(self, command: RefundPlan, summary: str) -> PlanEnded | PlanRefused:
        """Refund a plan under `command.refund_id`; a repeated call with the same id returns the first result."""

    async def execute(self, command: DeviceCommand, key: str) -> str:
        """Execute the command; returns the serial number as it is stored. Raises CommandRejected."""

    async def issue_maintenance_code(
        self, command: IssueMaintenanceCode, key: str
    ) -> MaintenanceCodeIssued | MaintenanceRefused:
        """Issue the device's one maintenance code. Raises CommandRejected for an unknown device."""

    async def send_reminders(self, command: RemindRegion, reminders_id: str) -> RegionReminded:
        """Run a region's renewal reminders under that workflow id, and await their result."""
