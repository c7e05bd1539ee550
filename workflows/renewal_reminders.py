"""Workflow of the daily renewal reminders of one region, page by page (R-NOT-1)."""

from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

from messages.renewals import PageReminded, RegionReminded, Reminder, RemindPage, RemindRegion, Renewals

PAGE_SIZE = 500
PAGES_A_RUN = 200
"""Then it continues as new, so that the history does not grow with the number of customers."""
_MAX_REMINDERS_LISTED = 1000
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn
class RenewalReminders:
    """Send the reminders of one day. The schedule's nominal time is the day, not the time at which a worker ran it."""

    @workflow.run
    async def run(self, request: RemindRegion) -> RegionReminded:
        as_of, after, sent, looked_at = request.as_of, request.after, request.sent, request.looked_at
        reminders: list[Reminder] = []
        for page_number in range(PAGES_A_RUN + 1):
            if page_number == PAGES_A_RUN:
                workflow.continue_as_new(
                    RemindRegion(region=request.region, as_of=as_of, after=after, sent=sent, looked_at=looked_at)
                )
            page = await self._page(request.region, as_of, after)
            as_of, after = page.as_of, page.next
            sent, looked_at = sent + len(page.sent), looked_at + page.looked_at
            reminders.extend(page.sent[: _MAX_REMINDERS_LISTED - len(reminders)])
            workflow.set_current_details(
                f"{request.region} {as_of}: {looked_at} terms looked at, {sent} reminders sent"
            )
            if after is None:
                break
        assert as_of is not None, "a page returns its day"
        return RegionReminded(as_of=as_of, looked_at=looked_at, sent=sent, reminders=tuple(reminders))

    async def _page(self, region: str, as_of: date | None, after: str | None) -> PageReminded:
        # The schedule's nominal time: a run that is late or backfilled still counts for its day.
        nominal = workflow.info().typed_search_attributes.get(_SCHEDULED_AT)
        now = workflow.now()
        return await workflow.execute_activity_method(
            Renewals.remind_page,
            RemindPage(region=region, as_of=as_of, scheduled_at=nominal or now, at=now, after=after, size=PAGE_SIZE),
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2)),
            summary=f"remind {region} after {after or 'the beginning'}",
        )
