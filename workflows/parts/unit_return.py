"""Workflow part: the shipment of the customer's own unit back to the customer, also when the claim is closed."""

from temporalio import workflow

from domain.claim import Parcel
from messages.claims import Complete
from messages.jobs import RequestReturn, Workshop
from workflows.parts.claim_workflow import ClaimWorkflow, Phase


class UnitReturn:
    """`asked` is who has the unit: workshop or warehouse."""

    def __init__(self, process: ClaimWorkflow, asked: str) -> None:
        self._process = process
        self._record = process.record
        self._asked = asked

    @property
    def is_here(self) -> bool:
        """Whether the customer's unit has arrived."""
        returning = self._record.claim.returning
        return returning is not None and returning.arrived_at is not None

    async def request(self) -> None:
        request = RequestReturn(
            claim_id=self._record.claim.id, ship_to=self._process.address.current, at=workflow.now()
        )
        summary = f"ask the {self._asked} to ship the unit back"
        result = await self._process.calls.external(Workshop.request_return, request, summary)
        self._record.note("return_requested", f"The {self._asked} was asked to ship the unit back.", result.reference)

    def phase_after_closing(self) -> Phase | None:
        """The phase of a claim that was closed while the unit is here; None when it is not."""
        if not self.is_here or not workflow.patched("unit-goes-back-after-the-end"):
            return None
        self._record.change(goes_back=True)
        return self.await_shipped_back

    async def await_shipped_back(self) -> Phase | None:
        """Wait until the unit of a closed claim is reported as shipped back."""
        while self._record.claim.goes_back:
            match await self._process.inbox.next(None, "the unit to be shipped back"):
                case Complete() as decision:
                    self.shipped_back(decision)
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase
        return None

    def shipped_back(self, decision: Complete) -> None:
        self._record.change(shipment=Parcel(None, decision.tracking_number), goes_back=False)
        self._record.note("shipped_back", "The unit was shipped back.", decision.tracking_number or "", decision.actor)
