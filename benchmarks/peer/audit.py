"""Benchmarks: the effects of the claims, counted in the gateway, the ledger, the warehouse and the mail folder.

Neither engine is queried. An effect that happened twice is a row or a written mail too many; a repeated request that
its key made harmless is counted by triggers on each INSERT.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text

from benchmarks.peer.systems import System
from benchmarks.premium_claim import MAILS, PremiumClaim
from domain.kinds import ClaimState, Outcome

_WATCHED: Final = {"gateway_answers": "NEW.key", "dispatch_requests": "NEW.claim_id"}
_TRIGGER: Final = """
CREATE FUNCTION audit_{table}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO audit_attempts VALUES ('{table}', {key}); RETURN NEW; END $$;
CREATE TRIGGER audit BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION audit_{table}()
"""
_EACH: Final = {
    "SELECT subject, count(*) FROM gateway_payments WHERE kind = 'hold' GROUP BY subject": 1,
    "SELECT subject, count(*) FROM gateway_payments WHERE kind = 'charge' GROUP BY subject": 1,
    "SELECT subject, count(*) FROM gateway_events GROUP BY subject": 3,
    "SELECT subject, count(*) FROM ledger_entries GROUP BY subject": 6,
    "SELECT claim_id, count(*) FROM dispatch_requests GROUP BY claim_id": 1,
}
"""What a claim with a good return leaves behind: a hold and a charge; authorized, charged, released; two lines each."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """`lost` claims are not closed as they should be; `twice` and `missing` count single effects."""

    lost: int
    twice: int
    missing: int
    repeated_requests: int


def count_write_attempts(engine: Engine) -> None:
    """From now on count each INSERT of a gateway's response or a dispatch request, also one that changes nothing."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE audit_attempts (what text NOT NULL, key text NOT NULL)"))
        for table, key in _WATCHED.items():
            connection.execute(text(_TRIGGER.format(table=table, key=key)))


def audit(engine: Engine, side: System, batch: Sequence[PremiumClaim]) -> AuditResult:
    """Of these claims, once everything is over."""
    ids = {claim.claim_id for claim in batch}
    with engine.connect() as connection:
        counted = [(_by_claim(connection, query), due) for query, due in _EACH.items()]
        repeats = "SELECT count(*) - count(DISTINCT (what, key)) FROM audit_attempts"
        repeated_requests = int(connection.scalar(text(repeats)) or 0)
        closed = connection.execute(
            text("SELECT id FROM claims WHERE state = :state AND outcome = :outcome"),
            {"state": ClaimState.CLOSED.value, "outcome": Outcome.HOLD_RELEASED.value},
        )
        lost = len(ids - {row.id for row in closed})
    names = {f"{claim_id}.{kind}.1" for claim_id in ids for kind in MAILS}
    there = {file.stem for file in side.settings.mail_folder.glob("*.eml") if file.stem.split(".")[0] in ids}
    written = side.mails_written
    too_many = [max(found[claim_id] - due, 0) for found, due in counted for claim_id in ids]
    too_few = [max(due - found[claim_id], 0) for found, due in counted for claim_id in ids]
    return AuditResult(
        lost=lost,
        twice=sum(too_many) + len(there - names) + sum(written[name] - 1 for name in names if written[name] > 1),
        missing=sum(too_few) + len(names - there),
        repeated_requests=repeated_requests,
    )


def _by_claim(connection: Connection, query: str) -> Counter[str]:
    return Counter({str(claim_id): int(count) for claim_id, count in connection.execute(text(query))})
