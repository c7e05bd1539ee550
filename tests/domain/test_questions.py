"""What is told after a purchase: the activation that it was judged by, and the bindings that a flyaway needs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.claim import Incident
from domain.coverage import Term
from domain.device_snapshot import Binding
from domain.eligibility import Application, refusals
from domain.kinds import Cause, ReasonCode, Service
from domain.purchase import bindings_from, question_by_activation, question_text
from domain.purchase import refusals as purchase_refusals
from domain.renewal import renewal
from tests.domain.samples import HANDHELD, JP, LA, US, at, pending, premium, snapshot, term

BOUGHT = at("2026-06-01T12:00:00", LA)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
QUESTION = ReasonCode.ACTIVATION_BEFORE_WINDOW


@pytest.mark.parametrize(
    ("device", "hours"),
    [
        pytest.param({}, 48, id="a drone"),
        pytest.param({"region": JP}, 96, id="a drone in Japan"),
        pytest.param({"model": HANDHELD}, 30 * 24, id="a handheld"),
    ],
)
def test_an_activation_told_later_is_judged_by_the_window_of_the_purchase(device: dict[str, Any], hours: int) -> None:
    """R-PUR-6: the same end of the window as at a purchase with a known activation, to the second."""
    sold = snapshot(**device, activated_at=None, terms=(pending(),))
    for before, question in (
        (timedelta(hours=hours) + SECOND, QUESTION),
        (timedelta(hours=hours), None),
        (HOUR, None),
        (timedelta(), None),
        (-timedelta(days=40), None),
        (timedelta(days=60), QUESTION),
        (timedelta(days=2000), QUESTION),
    ):
        activated_at = BOUGHT - before
        assert question_by_activation(sold, activated_at, BOUGHT) is question
        known = snapshot(**device, activated_at=activated_at, terms=())
        refused = purchase_refusals(term().kind, known.region.code, known, BOUGHT)
        assert (ReasonCode.PURCHASE_WINDOW_CLOSED in [r.code for r in refused]) is (question is not None)


@pytest.mark.parametrize(
    ("verified_at", "question"),
    [
        pytest.param(BOUGHT - 72 * HOUR, None, id="approved 72 hours before the purchase"),
        pytest.param(BOUGHT - 72 * HOUR - SECOND, QUESTION, id="lapsed at the purchase"),
        pytest.param(BOUGHT + SECOND, QUESTION, id="approved after the purchase"),
    ],
)
def test_only_an_approval_of_that_time_opens_the_window_again(
    verified_at: datetime, question: ReasonCode | None
) -> None:
    """R-PUR-6, R-PUR-2."""
    sold = snapshot(activated_at=None, terms=(pending(),), verified_at=verified_at)
    assert question_by_activation(sold, BOUGHT - timedelta(days=60), BOUGHT) is question


def test_a_plan_in_question_covers_nothing_and_is_not_renewed() -> None:
    """R-PUR-6: and the reason says why."""
    asked = replace(pending(), question=QUESTION)
    device = snapshot(terms=(asked,), activated_at=BOUGHT - timedelta(days=60))
    now = BOUGHT + timedelta(days=5)
    application = premium(incident=Incident(Cause.COLLISION, now - HOUR))
    assert [r.code for r in refusals(application, device, now)] == [QUESTION]
    assert renewal(device, now).reasons == (question_text(QUESTION),)


def flyaway_of(incident: datetime) -> Application:
    return Application(Service.FLYAWAY, None, Incident(Cause.FLYAWAY, incident), confirmed_unrecoverable=True)


COVER = term("2026-06-01T12:00:00")
LOST = at("2026-06-10T12:00:00", LA)


def sold_with(bound_at: datetime, since: datetime | None, *others: Term) -> list[tuple[ReasonCode, str]]:
    covered = replace(COVER, bindings_from=since)
    device = snapshot(terms=(covered, *others), bindings=(Binding("RC1", bound_at),))
    found = refusals(flyaway_of(LOST), device, LOST + HOUR)
    return [(r.code, r.rule) for r in found]


@pytest.mark.parametrize(
    ("bound_at", "counts"),
    [
        pytest.param(at("2026-05-31T23:59:59", LA), False, id="in the last second of the day before the purchase"),
        pytest.param(at("2026-06-01T00:00:00", LA), True, id="on the day of the purchase, before it"),
        pytest.param(BOUGHT + SECOND, True, id="after the purchase"),
        pytest.param(at("2021-01-01T00:00:00", LA), False, id="years ago"),
        pytest.param(LOST, True, id="as it is lost"),
    ],
)
def test_a_binding_counts_from_the_day_of_the_purchase_on(bound_at: datetime, counts: bool) -> None:
    """R-FLY-8: the remote controller is bound after buying. Edge case 41 stays: in force at the loss."""
    since = bindings_from(BOUGHT, LA)
    assert sold_with(bound_at, since) == ([] if counts else [(ReasonCode.NOT_BOUND, "R-FLY-8")])
    renewed = replace(term("2027-06-02T00:00:00", id="t2"), bindings_from=None)
    assert sold_with(bound_at, since, renewed) == sold_with(bound_at, since), "a renewal changes nothing"


def test_every_binding_counts_for_a_plan_sold_before_the_rule() -> None:
    """R-FLY-8: terms already sold stay as sold."""
    assert sold_with(at("2021-01-01T00:00:00", LA), None) == []


def test_a_binding_made_again_after_the_purchase_counts() -> None:
    """R-FLY-8, edge case 43."""
    covered = replace(COVER, bindings_from=bindings_from(BOUGHT, LA))
    again = BOUGHT + timedelta(days=2)
    bindings = (Binding("RC1", BOUGHT - timedelta(days=9), again), Binding("RC1", again))
    assert refusals(flyaway_of(LOST), snapshot(terms=(covered,), bindings=bindings), LOST + HOUR) == []
    early = again - SECOND
    codes = [r.code for r in refusals(flyaway_of(early), snapshot(terms=(covered,), bindings=bindings), again)]
    assert codes == [ReasonCode.NOT_BOUND]


@pytest.mark.parametrize(
    ("told_at", "late"),
    [
        pytest.param(LOST - SECOND, None, id="before the loss"),
        pytest.param(LOST, None, id="at the loss"),
        pytest.param(LOST + HOUR, LOST + HOUR, id="after the loss"),
        pytest.param(None, None, id="by an earlier release, which did not keep when"),
    ],
)
def test_a_binding_told_after_the_loss_is_shown_to_staff(told_at: datetime | None, late: datetime | None) -> None:
    """R-FLY-8: it counts by its own time, and staff who check the flight record see when it was told."""
    bindings = (Binding("RC1", BOUGHT + HOUR, None, told_at),)
    device = snapshot(terms=(COVER,), bindings=bindings)
    assert refusals(flyaway_of(LOST), device, LOST + HOUR) == []
    assert device.binding_told_late(LOST) == late


def test_the_day_of_the_purchase_is_that_of_the_regions_zone() -> None:
    """R-FLY-8."""
    assert bindings_from(at("2026-06-01T05:00:00"), US.time_zone) == at("2026-05-31T00:00:00", LA)
