"""The invariant of what an inspection has accepted: the rest of the box never makes the whole default due."""

from collections.abc import Iterator

from tests.payments.claim_snapshot import ClaimSnapshot

PARTS_MISSING = "Inspected: parts are missing."
"""The device was accepted, and a supplied battery too."""


def the_accepted_device_is_never_charged(snapshot: ClaimSnapshot) -> Iterator[str]:
    """R-CMP-2, R-INS-3: after the device was accepted no default is charged."""
    accepted = min((e.at for e in snapshot.events if e.title == PARTS_MISSING), default=None)
    if accepted is None:
        return
    for line in snapshot.lines:
        if line.account == "default_charges" and line.amount > 0 and line.at > accepted:
            yield f"the default of {line.amount} was charged at {line.at}, and the device was accepted at {accepted}"
