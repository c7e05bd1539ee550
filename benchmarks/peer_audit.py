"""Benchmarks: what became of the claims, counted where it happened: gateway, ledger, warehouse, mail folder.

No engine is asked. What happened twice would be a row or a written mail too many; what was merely asked twice, and
recognised by its key, is counted by triggers that see every attempt to write.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text

from benchmarks.peer_case import MAILS, Case
from benchmarks.peer_sides import Side
from domain.kinds import ClaimState, Outcome

_WATCHED: Final = {"gateway_answers": "NEW.key", "dispatch_requests": "NEW.claim_id"}
_TRIGGER: Final = """
CREATE FUNCTION bench_{table}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO bench_asked VALUES ('{table}', {key}); RETURN NEW; END $$;
CREATE TRIGGER bench BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION bench_{table}()
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
class Findings:
    """`lost` claims are not closed as they should be; `twice` and `missing` count single effects."""

    lost: int
    twice: int
    missing: int
    asked_again: int


def watch(engine: Engine) -> None:
    """From now on every attempt to write a gateway's answer or a dispatch request is counted, whatever it meets."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bench_asked (what text NOT NULL, key text NOT NULL)"))
        for table, key in _WATCHED.items():
            connection.execute(text(_TRIGGER.format(table=table, key=key)))


def audit(engine: Engine, side: Side, cases: Sequence[Case]) -> Findings:
    """Of these claims, once everything is over."""
    ids = {case.claim_id for case in cases}
    with engine.connect() as connection:
        counted = [(_by_claim(connection, query), due) for query, due in _EACH.items()]
        asked = "SELECT count(*) - count(DISTINCT (what, key)) FROM bench_asked"
        asked_again = int(connection.scalar(text(asked)) or 0)
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
    return Findings(
        lost=lost,
        twice=sum(too_many) + len(there - names) + sum(written[name] - 1 for name in names if written[name] > 1),
        missing=sum(too_few) + len(names - there),
        asked_again=asked_again,
    )


def _by_claim(connection: Connection, query: str) -> Counter[str]:
    return Counter({str(claim_id): int(count) for claim_id, count in connection.execute(text(query))})
