"""API: the settlement page."""

from collections.abc import Sequence
from datetime import datetime

from api.openapi_examples import with_example
from api.problems import ReasonView
from api.responses.base import Moment, MoneyView, View
from api.responses.claims import FEE, HOLD
from domain.reasons import Reason
from store.reads.queries import QuoteView as StoredQuote


class QuoteView(View):
    """What the customer agrees to before a claim. `latest_arrival_example` is the due instant after a dispatch
    today.

    `default_charge` is captured when the unit does not come back in time. `eligible`: the rules would accept the claim
    now; `reasons` has every reason why not.
    """

    model_config = with_example(
        {
            "id": "eyJuIjoiM2Y0YTEyIn0.q2hbl1U8d0",
            "fee": FEE,
            "hold": HOLD,
            "return_window_days": 14,
            "latest_arrival_example": "2026-12-08T07:59:59Z",
            "default_charge": HOLD,
            "terms_version": "2026-01",
            "expires_at": "2026-11-23T10:30:00Z",
            "eligible": True,
            "reasons": [],
        }
    )

    id: str
    fee: MoneyView
    hold: MoneyView | None
    return_window_days: int | None
    latest_arrival_example: Moment | None
    default_charge: MoneyView | None
    terms_version: str
    expires_at: Moment
    eligible: bool
    reasons: list[ReasonView]

    @classmethod
    def of(
        cls, stored: StoredQuote, quote_id: str, expires_at: datetime, terms_version: str, reasons: Sequence[Reason]
    ) -> "QuoteView":
        return cls(
            id=quote_id,
            fee=stored.fee,
            hold=stored.hold,
            return_window_days=stored.return_window_days,
            latest_arrival_example=stored.latest_arrival_example,
            default_charge=stored.default_charge,
            terms_version=terms_version,
            expires_at=expires_at,
            eligible=not reasons,
            reasons=reasons,
        )
