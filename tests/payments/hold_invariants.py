"""The invariants 1 to 5: of each payment by itself, against its ledger lines. See `invariants`."""

import re
from collections import Counter
from collections.abc import Iterator

from store.reads.ledger import HOLDS_OPEN
from tests.payments.claim_snapshot import ClaimSnapshot


def one_end(snapshot: ClaimSnapshot) -> Iterator[str]:
    booked = Counter(line.key for line in snapshot.lines if line.account == HOLDS_OPEN and line.amount < 0)
    for hold in snapshot.holds:
        ends = [end for end in ("released", "expired") if booked[f"{hold.reference}:{end}"]]
        if hold.status == "captured":
            ends += ["captured"]
        if len(ends) > 1:
            yield f"the hold {hold.reference} has ended {len(ends)} times: {', '.join(ends)}"
        if ends and hold.status not in ends:
            yield f"the ledger has the hold {hold.reference} {ends[0]}, the gateway {hold.status}"


def sums(snapshot: ClaimSnapshot) -> Iterator[str]:
    for p in snapshot.payments:
        if not 0 <= p.refunded <= p.captured <= p.amount:
            yield f"{p.reference}: 0 <= refunded {p.refunded} <= captured {p.captured} <= {p.amount} does not hold"


def nothing_lost_of_a_hold(snapshot: ClaimSnapshot) -> Iterator[str]:
    placed = {line.key: line.amount for line in snapshot.lines if line.account == HOLDS_OPEN and line.amount > 0}
    ends = snapshot.ends()
    for hold in snapshot.holds:
        held = hold.amount if hold.live(snapshot.now) else 0
        ended = hold.amount if hold.reference in ends else 0
        if placed.get(hold.reference) != held + ended:
            yield f"of {placed.get(hold.reference)} held under {hold.reference}, {held} is held and {ended} has ended"


def captured_is_a_state(snapshot: ClaimSnapshot) -> Iterator[str]:
    for p in snapshot.payments:
        if (p.captured > 0) != (p.status == "captured"):
            yield f"{p.reference} is {p.status} with {p.captured} captured"


def one_effect_a_key(snapshot: ClaimSnapshot) -> Iterator[str]:
    made_of = re.compile(rf"{re.escape(snapshot.claim.id)}:(authorize:\d+|fee|default|owed:\d+)")
    for reference, count in Counter(p.reference for p in snapshot.payments).items():
        if count > 1:
            yield f"{count} payments were made under the key {reference}"
        if not made_of.fullmatch(reference):
            yield f"the key {reference} is not made of claim, purpose and ordinal"
    for (key, account), count in Counter((line.key, line.account) for line in snapshot.lines).items():
        if count > 1:
            yield f"{key} is booked {count} times on {account}"
