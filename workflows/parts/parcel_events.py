"""Workflow part: parcels that the claim was not told of, that it did not wait for, or that were left at its end."""

from collections.abc import Collection, Iterable

from temporalio import workflow

from messages.claims import Decision, Event, ParcelArrived, ParcelDelivered, ParcelEvent
from messages.record import FindWaitingEvents, Record
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord


async def find_waiting(record: ClaimRecord, calls: ActivityCalls, seen: Collection[str]) -> list[ParcelEvent]:
    """Parcel events that were reported and that the claim could not be told: asked before a deadline has its effect."""
    if record.claim.returning is None or not workflow.patched("waiting-events-before-a-deadline"):
        return []
    request = FindWaitingEvents(claim_id=record.claim.id)
    found = await calls.database(Record.find_waiting_events, request, "events that wait")
    return [event for event in found.events if event.event_id not in seen]


def record_unexpected(record: ClaimRecord, event: ParcelEvent) -> None:
    """Record an event that the claim does not wait for; a parcel that arrived becomes a task of people."""
    match event:
        case ParcelArrived():
            what = "A parcel arrived"
            record.keep_unclaimed(event)
        case ParcelDelivered():
            what = "The carrier delivered a parcel"
        case _:
            what = "The carrier scanned a parcel"
    record.note("unexpected_event", f"{what}, which this case did not wait for.", actor=event.actor)


async def keep_left(record: ClaimRecord, left: Iterable[Event | Decision | None]) -> None:
    """Keep the parcels that arrived before the claim's end and were not handled: each becomes a task of people."""
    parcels = [message for message in left if isinstance(message, ParcelArrived)]
    if parcels and record.created and workflow.patched("parcels-left-at-the-end"):
        for parcel in parcels:
            record_unexpected(record, parcel)
        await record.save()
