"""Workflows: the daily renewal reminders of one region: page by page, never the whole population at once (R-NOT-1)."""

from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

from messages.renewals import PageReminded, RegionReminded, Reminder, RemindPage, RemindRegion, Renewals

PAGE_SIZE = 500
PAGES_A_RUN = 200
"""Then the run goes on as a new one, so that no history grows with the number of customers."""
_REMEMBERED = 1000
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn
class RenewalReminders:
    """Remind as on one day. Which day is told by the schedule, not by when a worker got round to it."""

    @workflow.run
    async def run(self, ask: RemindRegion) -> RegionReminded:
        as_of, after, sent, looked_at = ask.as_of, ask.after, ask.sent, ask.looked_at
        reminders: list[Reminder] = []
        for turn in range(PAGES_A_RUN + 1):
            if turn == PAGES_A_RUN:
                workflow.continue_as_new(
                    RemindRegion(region=ask.region, as_of=as_of, after=after, sent=sent, looked_at=looked_at)
                )
            page = await self._page(ask.region, as_of, after)
            as_of, after = page.as_of, page.next
            sent, looked_at = sent + len(page.sent), looked_at + page.looked_at
            reminders.extend(page.sent[: _REMEMBERED - len(reminders)])
            workflow.set_current_details(f"{ask.region} {as_of}: {looked_at} terms looked at, {sent} reminders sent")
            if after is None:
                break
        assert as_of is not None, "a page says which day it was"
        return RegionReminded(as_of=as_of, looked_at=looked_at, sent=sent, reminders=tuple(reminders))

    async def _page(self, region: str, as_of: date | None, after: str | None) -> PageReminded:
        # By the schedule's nominal time: a run that comes late or is filled in afterwards is still that day's.
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
