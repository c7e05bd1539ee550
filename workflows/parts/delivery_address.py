"""Workflow part: the address that the replacement, or the customer's own unit, is shipped to."""

from dataclasses import dataclass

from domain import lifecycle
from domain.reasons import RuleError
from messages.claims import CorrectAddress, ShipTo
from messages.warehouse import ChangeAddress, Warehouse
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord


@dataclass
class DeliveryAddressData:
    """`ship_to` is None until it was corrected. `correction` is the one in progress, `phase` the one to go on in."""

    ship_to: ShipTo | None = None
    correction: CorrectAddress | None = None
    phase: str = ""


class DeliveryAddress:
    """`given` is the address that the claim was made with."""

    def __init__(self, record: ClaimRecord, calls: ActivityCalls, given: ShipTo, data: DeliveryAddressData) -> None:
        self._record = record
        self._calls = calls
        self._given = given
        self._data = data

    @property
    def data(self) -> DeliveryAddressData:
        return self._data

    @property
    def current(self) -> ShipTo:
        return self._data.ship_to or self._given

    @property
    def phase(self) -> str:
        """The phase that the claim goes on in after the correction."""
        return self._data.phase

    def propose(self, correction: CorrectAddress, phase: str) -> None:
        self._data.correction, self._data.phase = correction, phase

    async def correct(self) -> RuleError | None:
        """Change what was requested of the warehouse or the workshop, and use the address from now on.

        Returns why not: the unit has left (R-CLM-12).
        """
        correction = self._data.correction
        assert correction is not None
        request = ChangeAddress(claim_id=self._record.claim.id, ship_to=correction.ship_to, instead_of=self.current)
        left = await self._calls.external(Warehouse.change_address, request, "change the delivery address")
        self._data.correction = None
        if left is not None:
            return RuleError("action_not_allowed", *lifecycle.ADDRESS_TOO_LATE)
        self._data.ship_to = correction.ship_to
        self._record.note("ship_to_corrected", "The delivery address was corrected.", actor=correction.actor)
        return None
