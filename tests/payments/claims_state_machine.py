"""A state machine over whole claims: the invariants hold in any order of actions, time, webhooks and worker restarts.

Real parts (tests/payments/claim_environment.py). After each step everything written about the claim is read and
checked; at the end the claim is closed, and every event is sent again.
"""

import asyncio
import contextlib
import itertools
from datetime import timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from temporalio.service import RPCError

from domain.claim import Claim
from domain.kinds import Action, ClaimState, Component, HoldPolicy, Outcome, PartsChoice
from domain.lifecycle import allowed_actions
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    Decide,
    Decision,
    ExtendReturn,
    ResendReplacement,
    UndoReplacement,
    Waive,
)
from tests.payments.claim_environment import CheckedClaim
from tests.payments.claim_environments import ClaimEnvironments
from tests.payments.claim_snapshot import ClaimSnapshot
from tests.payments.invariants import fingerprint

FIRST_CARDS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_mastercard",
        "pm_card_heldTwice",
        "pm_card_heldTwiceOnly",
        "pm_card_chargeCustomerFail",
        "pm_card_authenticationRequired",
        "pm_card_chargeDeclined",
    ]
)
OTHER_CARDS = st.sampled_from(["pm_card_visa", "pm_card_amex", "pm_card_chargeCustomerFail", "pm_card_chargeDeclined"])
BOXES = ["good", "good", "wrong", "unclear", "without a part", "not genuine", "wrong part", "new unit", "new unit"]
HOURS = st.sampled_from([1, 24, 72, 100, 140])
_CHARGED = (Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED)
_STEPS_TO_THE_END = 12
_RETURNABLE = frozenset(
    {ClaimState.AWAITING_RETURN, ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS, ClaimState.DEFAULTED}
)


class ClaimsStateMachine(RuleBasedStateMachine):
    """One claim. `environments` is set by the test that runs it."""

    environments: ClassVar[ClaimEnvironments]

    @initialize(policy=st.sampled_from(HoldPolicy), card=FIRST_CARDS, lost=st.integers(0, 1))
    def submits(self, policy: HoldPolicy, card: str, lost: int) -> None:
        self.policy, self.environment = policy, self.environments.by_policy[policy]
        self.events = itertools.count()
        self.webhooks_sent: list[tuple[str, str]] = []
        self.environment.responses_to_lose = lost
        self.case: CheckedClaim = self.environments.run(self.environment.claimed(card))
        self.look()

    # -- decisions and events --------------------------------------------------------------------------------------

    @precondition(lambda self: self.may(Action.DISPATCH))
    @rule()
    def ships(self) -> None:
        came_back = self.claim.replacement_serial_number  # None at first
        self.environments.run(self.case.dispatch(came_back or ""))
        self.look()

    @precondition(lambda self: self.may(Action.REPLACEMENT_RESEND))
    @rule()
    def the_new_unit_is_to_leave_again(self) -> None:
        self.decides("replacement_resend", ResendReplacement(actor="staff", reason="Sends the original."))

    @precondition(lambda self: self.may(Action.REPLACEMENT_UNDO))
    @rule(sure=st.integers(0, 2))
    def the_customer_keeps_the_original(self, sure: int) -> None:
        if sure == 0:
            self.decides("replacement_undo", UndoReplacement(actor="staff", reason="Keeps the original."))

    @precondition(lambda self: self.may(Action.CANCEL))
    @rule(sure=st.integers(0, 3))
    def cancels(self, sure: int) -> None:
        if sure == 0:
            self.decides("cancel", CancelClaim(actor="customer"))

    @precondition(lambda self: self.state in _RETURNABLE)
    @rule()
    def hands_it_to_the_carrier(self) -> None:
        self.environments.run(self.case.scan())
        self.look()

    @precondition(lambda self: self.state in _RETURNABLE)
    @rule(hours_ago=st.sampled_from([0, 0, 50]))
    def it_arrives(self, hours_ago: int) -> None:
        at = self.environments.run(self.case.now()) - timedelta(hours=hours_ago)
        self.environments.run(self.case.arrive(at))
        self.look()

    @precondition(lambda self: self.may(Action.INSPECTION))
    @rule(box=st.sampled_from(BOXES))
    def is_inspected(self, box: str) -> None:
        returning = self.claim.returning
        assert returning is not None
        seen: dict[str, object] = {}
        if box == "without a part":
            seen["components"] = tuple(c for c in returning.expected if c is not Component.PROPELLERS)
        if box in ("wrong", "unclear"):
            seen["serial"] = "WRONG1" if box == "wrong" else ""
        if box == "new unit":
            seen["serial"] = self.claim.replacement_serial_number
        if box == "not genuine":
            seen["genuine"] = False
        if box == "wrong part":
            seen |= {"genuine": False, "not_genuine": (Component.PROPELLERS,)}
        self.environments.run(self.case.good_box(**seen))
        self.look()

    @precondition(lambda self: self.may(Action.EXTENSION))
    @rule(days=st.integers(1, 8))
    def requests_an_extension(self, days: int) -> None:
        self.decides("extension", ExtendReturn(actor="staff", days=days, reason="Away."))

    @precondition(lambda self: self.may(Action.WAIVER))
    @rule(mercy=st.integers(0, 7))
    def is_let_off(self, mercy: int) -> None:
        if mercy == 0:
            self.decides("waiver", Waive(actor="staff", reason="Goodwill."))

    @precondition(lambda self: self.may(Action.PARTS_CHOICE))
    @rule(choice=st.sampled_from(PartsChoice))
    def decides_on_the_parts(self, choice: PartsChoice) -> None:
        self.decides("parts_choice", ChooseParts(actor="customer", choice=choice))

    @precondition(lambda self: self.may(Action.PAYMENT_METHOD))
    @rule(card=OTHER_CARDS)
    def names_another_card(self, card: str) -> None:
        self.decides("payment_method", ChangePaymentMethod(actor="customer", payment_method=card))

    @precondition(lambda self: self.may(Action.DECISION))
    @rule(approve=st.booleans())
    def staff_decide(self, approve: bool) -> None:
        self.decides("decision", Decide(actor="staff", approve=approve, reason="Looked at it."))

    # -- what else happens ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.running)
    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.environments.run(self.case.pass_time(hours=hours))
        self.look()

    @precondition(lambda self: self.running)
    @rule()
    def the_next_response_is_lost(self) -> None:
        self.environment.responses_to_lose = 1

    @precondition(lambda self: self.running)
    @rule(hours=HOURS)
    def the_worker_goes_while_time_passes(self, hours: int) -> None:
        async def both() -> None:
            passing = asyncio.create_task(self.case.pass_time(hours=hours))
            await self.environments.restart(self.policy)
            await passing

        self.environments.run(both())
        self.look()

    @precondition(lambda self: self.snapshot.payments and self.running)
    @rule(data=st.data())
    def the_gateway_has_news(self, data: st.DataObject) -> None:
        payment = data.draw(st.sampled_from(self.snapshot.payments))
        self.send_webhook((payment.id, f"evt_{next(self.events)}"))

    @precondition(lambda self: self.running and any(hold.live(self.snapshot.now) for hold in self.snapshot.holds))
    @rule(part=st.sampled_from([1, 3]))
    def somebody_captures_the_hold(self, part: int) -> None:
        news = (self.environments.run(self.case.capture_by_hand(part)), f"evt_{next(self.events)}")
        self.webhooks_sent.append(news)
        self.environments.run(self.case.receive_webhook(*news))
        self.look()

    @precondition(lambda self: self.webhooks_sent and self.running)
    @rule(data=st.data())
    def the_gateway_repeats_its_news(self, data: st.DataObject) -> None:
        self.send_webhook(data.draw(st.sampled_from(self.webhooks_sent)))

    # -- how it is looked at ---------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> ClaimSnapshot:
        """The last snapshot of the claim."""
        assert self.case.snapshot is not None
        return self.case.snapshot

    @property
    def claim(self) -> Claim:
        return self.snapshot.claim

    @property
    def state(self) -> ClaimState:
        return self.claim.state

    @property
    def running(self) -> bool:
        """Whether the workflow runs: a charge can be disputed and what is owed be paid after the claim is closed."""
        claim = self.claim
        disputed = claim.dispute_until is not None and claim.outcome in _CHARGED
        return claim.state is not ClaimState.CLOSED or disputed or bool(claim.amount_owed)

    def may(self, action: Action) -> bool:
        return action in allowed_actions(self.claim)

    def send_webhook(self, news: tuple[str, str]) -> None:
        """A webhook about a payment; unless it shows the end of a hold, no amount changes (15)."""
        before = self.snapshot
        self.environments.run(self.case.receive_webhook(*news))
        self.webhooks_sent.append(news)
        self.look()
        assert fingerprint(self.snapshot) == fingerprint(before)

    def decides(self, name: str, decision: Decision) -> None:
        self.environments.run(self.case.accepts(name, decision))
        self.look()

    def look(self) -> None:
        self.environments.steps += 1
        found = self.environments.run(self.case.look())
        assert not found, (self.case.id, found)

    @precondition(lambda self: not self.running)
    @rule()
    def nothing_happens_any_more(self) -> None:
        assert not self.may(Action.WAIVER)

    def teardown(self) -> None:
        if hasattr(self, "case"):
            self.environment.responses_to_lose = 0
            self.ends()

    def ends(self) -> None:
        """Take the remaining actions until the claim is closed; then send all its webhooks again (15)."""
        for _ in range(_STEPS_TO_THE_END):
            if self.state is ClaimState.CLOSED:
                break
            self.goes_on()
        assert self.state is ClaimState.CLOSED, self.claim
        self.environments.endings[str(self.claim.outcome)] += 1
        before = self.snapshot
        for news in reversed([*self.webhooks_sent, *((p.id, f"evt_last_{p.id}") for p in self.snapshot.payments)]):
            with contextlib.suppress(RPCError):  # the workflow may have ended
                self.environments.run(self.case.receive_webhook(*news))
        self.look()
        assert fingerprint(self.snapshot) == fingerprint(before)

    def goes_on(self) -> None:
        """The next action towards the claim's end."""
        if self.may(Action.DISPATCH):
            self.ships()
        elif self.may(Action.DECISION):
            self.decides("decision", Decide(actor="staff", approve=True, reason="Looked at it."))
        elif self.may(Action.INSPECTION):
            self.environments.run(self.case.good_box())
            self.look()
        elif self.claim.deadline is not None:
            self.environments.run(self.case.pass_until(self.claim.deadline + timedelta(seconds=2)))
            self.look()
        else:
            self.it_arrives(0)
