"""API: plans, renewals, refunds, verifications and maintenance codes."""

from datetime import date, datetime, timedelta

from api.openapi_examples import examples_of, with_example
from api.problems import ReasonView
from api.responses.base import Moment, MoneyView, Page, View
from api.responses.devices import DeviceView
from domain import purchase
from domain.coverage import RENEWAL_GRACE_DAYS
from domain.kinds import ReasonCode, TermKind
from domain.renewal import Renewal
from messages.entitlements import MaintenanceCodeIssued, PlanEnded
from messages.registry import PlanBought
from messages.renewals import Reminder
from store.reads.plan_questions import PlanQuestionView
from store.reads.plans import StoredPlan


class PlanView(View):
    """A bought plan. The days are null until the device is activated (R-PUR-5).

    `gap`: the time between the term before and this one is not covered (R-REN-3).
    """

    model_config = with_example(
        {
            "id": "pln_mfrggzdfmztwq2lk",
            "term": "1y",
            "starts_on": "2026-11-02",
            "ends_on": "2027-11-02",
            "price": {"amount": 23900, "currency": "USD"},
            "purchased_at": "2026-11-02T10:00:00Z",
            "gap": False,
        }
    )

    id: str
    term: TermKind
    starts_on: date | None
    ends_on: date | None
    price: MoneyView
    purchased_at: Moment
    gap: bool

    @classmethod
    def of(cls, plan: PlanBought) -> "PlanView":
        return cls(
            id=plan.plan_id,
            term=plan.kind,
            starts_on=plan.starts_on,
            ends_on=plan.ends_on,
            price=plan.price,
            purchased_at=plan.purchased_at,
            gap=plan.gap,
        )


_QUESTION = {
    "plan_id": "pln_mfrggzdfmztwq2lk",
    "term": "1y",
    "question": "activation_before_window",
    "serial_number": "1581F45T7228D00A",
    "model": "mavic-3",
    "region": "US",
    "purchased_at": "2026-11-02T10:00:00Z",
    "activated_at": "2026-09-03T09:00:00Z",
}


_LISTED = {
    "id": "pln_mfrggzdfmztwq2lk",
    "term": "1y",
    "region": "US",
    "starts_on": "2026-11-02",
    "ends_on": "2027-11-02",
    "price": {"amount": 23900, "currency": "USD"},
    "purchased_at": "2026-11-02T10:00:00Z",
    "ended_at": None,
    "refund_refused": False,
    "question": None,
}


class ListedPlan(View):
    """A plan of the device. The days are null until it is activated (R-PUR-5), and while staff must decide upon the
    `question` of the plan (R-PUR-6).

    `price` is null for cover that was not sold here; a plan with `ended_at` was given back and covers nothing since.
    `refund_refused`: the gateway refused to refund it, so staff refund the price there.
    """

    model_config = with_example(_LISTED)

    id: str
    term: TermKind
    region: str
    starts_on: date | None
    ends_on: date | None
    price: MoneyView | None
    purchased_at: Moment
    ended_at: Moment | None
    refund_refused: bool
    question: ReasonCode | None

    @classmethod
    def of(cls, stored: StoredPlan) -> "ListedPlan":
        return cls(**{name: getattr(stored, name) for name in cls.model_fields})


class ListedPlans(Page[ListedPlan]):
    model_config = with_example({"items": [_LISTED], "next_cursor": None})


class PlanQuestion(View):
    """A plan that covers nothing until staff have decided (R-PUR-6).

    `activation_before_window`: it was bought for a device that was said not to be activated; `activated_at`, told
    later, lies so long before that the plan would not have been sold.
    """

    model_config = with_example(_QUESTION)

    plan_id: str
    term: TermKind
    question: ReasonCode
    serial_number: str
    model: str
    region: str
    purchased_at: Moment
    activated_at: Moment | None

    @classmethod
    def of(cls, stored: PlanQuestionView) -> "PlanQuestion":
        return cls(**stored.model_dump())


class PlanQuestionList(Page[PlanQuestion]):
    model_config = with_example({"items": [_QUESTION], "next_cursor": None})


class RenewalView(View):
    """Whether the cover can be renewed until the end of `last_day`, and what a renewal bought now would be.

    `gap`: time between the old term and the new one would not be covered; `gap_note` explains it to the customer.
    """

    model_config = with_example(
        {
            "eligible": True,
            "last_day": "2027-11-17",
            "starts_on": "2027-11-05",
            "ends_on": "2028-11-05",
            "price": {"amount": 23900, "currency": "USD"},
            "reasons": [],
            "gap": True,
            "gap_note": "Cover ended on 2027-11-02 and begins again when the renewal is bought; "
            "what happens in between is not covered.",
        }
    )

    eligible: bool
    last_day: date | None
    starts_on: date | None
    ends_on: date | None
    price: MoneyView | None
    reasons: list[ReasonView]
    gap: bool
    gap_note: str | None

    @classmethod
    def of(cls, renewal: Renewal) -> "RenewalView":
        gap = renewal.gap and renewal.eligible
        return cls(
            eligible=renewal.eligible,
            last_day=renewal.last_day,
            starts_on=renewal.starts_on,
            ends_on=renewal.ends_on,
            price=renewal.price,
            reasons=renewal.reasons,
            gap=gap,
            gap_note=_gap_note(renewal.last_day) if gap and renewal.last_day else None,
        )


def _gap_note(last_day: date) -> str:
    ended_on = last_day - timedelta(days=RENEWAL_GRACE_DAYS)
    return (
        f"Cover ended on {ended_on} and begins again when the renewal is bought; "
        "what happens in between is not covered."
    )


class VerificationView(View):
    """An approved video verification: a plan can be bought up to and including `buy_until` (R-PUR-2)."""

    model_config = with_example(
        {
            "serial_number": "1581F45T7228D00A",
            "approved_at": "2026-11-22T16:00:00Z",
            "buy_until": "2026-11-25T16:00:00Z",
        }
    )

    serial_number: str
    approved_at: Moment
    buy_until: Moment

    @classmethod
    def of(cls, serial_number: str, approved_at: datetime) -> "VerificationView":
        until = purchase.verified_until(approved_at)
        return cls(serial_number=serial_number, approved_at=approved_at, buy_until=until)


_REFUND = {
    "plan_id": "pln_mfrggzdfmztwq2lk",
    "refunded": {"amount": 23900, "currency": "USD"},
    "ended_at": "2026-11-10T10:00:00Z",
    "refund_refused": False,
}


class RefundView(View):
    """A plan that has ended: it covers nothing from `ended_at` on.

    `refund_refused`: the gateway refused the refund, so `refunded` is zero and staff refund the price there.
    """

    model_config = with_example(_REFUND)

    plan_id: str
    refunded: MoneyView
    ended_at: Moment
    refund_refused: bool

    @classmethod
    def of(cls, ended: PlanEnded) -> "RefundView":
        refunded = ended.price.zero() if ended.refund_refused else ended.price
        return cls(
            plan_id=ended.plan_id,
            refunded=refunded,
            ended_at=ended.ended_at,
            refund_refused=ended.refund_refused,
        )


class PlanDecided(DeviceView):
    """The device after the decision upon a plan; `refund` is that of a rejected plan, null for an approved one."""

    model_config = with_example({**examples_of(DeviceView)[0], "refund": _REFUND})

    refund: RefundView | None

    @classmethod
    def of_page(cls, page: DeviceView, refund: RefundView | None = None) -> "PlanDecided":
        return cls.model_construct(**dict(page), refund=refund)  # validated when they were made


class MaintenanceCodeView(View):
    """The device's one code; `expires_on` is its last day (R-MNT-2)."""

    model_config = with_example({"code": "MNT-MFRGGZDF", "expires_on": "2027-11-02"})

    code: str
    expires_on: date

    @classmethod
    def of(cls, issued: MaintenanceCodeIssued) -> "MaintenanceCodeView":
        return cls(code=issued.code, expires_on=issued.expires_on)


class ReminderView(View):
    serial_number: str
    kind: str


class RemindersView(View):
    """What this run sent, without what earlier runs had sent already."""

    model_config = with_example({"sent": [{"serial_number": "1581F45T7228D00A", "kind": "renewal_30"}]})

    sent: list[ReminderView]

    @classmethod
    def of(cls, reminders: list[Reminder]) -> "RemindersView":
        return cls(sent=[ReminderView(serial_number=r.serial_number, kind=r.kind) for r in reminders])
