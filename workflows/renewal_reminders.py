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
        as_of = ask.as_of or self._scheduled_day()
        after, sent, looked_at = ask.after, ask.sent, ask.looked_at
        reminders: list[Reminder] = []
        for _ in range(PAGES_A_RUN):
            page = await self._page(ask.region, as_of, after)
            sent, looked_at = sent + len(page.sent), looked_at + page.looked_at
            reminders.extend(page.sent[: _REMEMBERED - len(reminders)])
            workflow.set_current_details(f"{ask.region} {as_of}: {looked_at} terms looked at, {sent} reminders sent")
            after = page.next
            if after is None:
                return RegionReminded(as_of=as_of, looked_at=looked_at, sent=sent, reminders=tuple(reminders))
        workflow.continue_as_new(
            RemindRegion(region=ask.region, as_of=as_of, after=after, sent=sent, looked_at=looked_at)
        )

    async def _page(self, region: str, as_of: date, after: str | None) -> PageReminded:
        return await workflow.execute_activity_method(
            Renewals.remind_page,
            RemindPage(region=region, as_of=as_of, at=workflow.now(), after=after, size=PAGE_SIZE),
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2)),
            summary=f"remind {region} after {after or 'the beginning'}",
        )

    def _scheduled_day(self) -> date:
        """The day of the schedule's nominal time; all regions' 09:00 fall on that day's date or the one before in UTC."""
        nominal = workflow.info().typed_search_attributes.get(_SCHEDULED_AT)
        return (nominal or workflow.now()).date()
