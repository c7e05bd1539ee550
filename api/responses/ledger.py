"""API: the ledger entries of a claim."""

from api.openapi_examples import with_example
from api.responses.base import Moment, MoneyView, View
from api.responses.claims import CLAIM_ID
from store.reads.ledger import LedgerView as StoredLedger


class LedgerEntryView(View):
    """`amount` is signed: what the programme takes is positive on its account and negative on `card`."""

    at: Moment
    account: str
    amount: int
    currency: str
    key: str


class LedgerView(View):
    """The ledger of one claim. `balances` has every account that occurs; together they are zero."""

    model_config = with_example(
        {
            "entries": [
                {
                    "at": "2026-11-23T10:00:01Z",
                    "account": account,
                    "amount": amount,
                    "currency": "USD",
                    "key": f"{CLAIM_ID}:fee",
                }
                for account, amount in (("card", -15900), ("service_fees", 15900))
            ],
            "balances": {
                "card": {"amount": -15900, "currency": "USD"},
                "service_fees": {"amount": 15900, "currency": "USD"},
            },
        }
    )

    entries: list[LedgerEntryView]
    balances: dict[str, MoneyView]

    @classmethod
    def of(cls, stored: StoredLedger, currency: str) -> "LedgerView":
        """`currency` is the claim's; all of its entries are in that currency."""
        return cls(
            entries=[
                LedgerEntryView(
                    at=line.at, account=line.account, amount=line.amount, currency=line.currency, key=line.key
                )
                for line in stored.entries
            ],
            balances={account: stored.balance(account, currency) for account in stored.balances},
        )
