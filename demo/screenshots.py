"""Demo: the pictures of Temporal's UI in docs/images, taken of claims that are played on a stack of their own.

``make screenshots``. Headless Chromium (Debian's package `chromium`) opens the pages through Playwright.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from playwright.async_api import FloatRect, Locator, async_playwright, expect
from temporalio.client import Client, ScheduleBackfill, ScheduleOverlapPolicy

from activities.payments.fault_injection import FaultInjection
from demo.api_client import ApiClient, ApiUnavailable
from demo.mailbox import Mailbox
from demo.screenshot_claims import play_claims, play_scenarios
from devstack.commands import scratch_settings
from devstack.preflight import StackError
from devstack.stack import PARTS_WITH_CODEC, Stack
from store.database import Database
from temporal_runtime.schedules import schedule_id

_DOCS: Final = Path(__file__).parents[1] / "docs"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_OPTIONS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_COLUMNS: Final = "Status,Workflow ID,Type,ClaimState,ClaimAttention,HoldState,ReturnDue"
_NO_RESPONSE: Final = FaultInjection(lose_answers=0.999, delay_seconds=600)
"""The gateway executes each request, and neither its response nor its webhook arrives."""
_LEFT: Final = 256
"""Pixels of the navigation, which is no part of a picture; `_TOP` the bar above the page."""
_TOP: Final = 48
_WIDTH: Final = 1460
_READY_MILLISECONDS: Final = 20_000
_REGION: Final = "US"


async def take_all(folder: Path) -> None:
    """Play the claims and write the six pictures into `folder`. Raises StackError."""
    browser = _browser()
    with tempfile.TemporaryDirectory(prefix="aftercare-screenshots-") as home:
        settings = scratch_settings(Path(home))
        database = Database(settings.database_url)
        try:
            async with Stack(settings, parts=PARTS_WITH_CODEC) as stack, ApiClient(stack.api_url) as client:
                mailbox = Mailbox(settings.mail_folder, database)
                await play_scenarios(client, mailbox)
                *_, timeline, details, pending = await play_claims(client, mailbox)
                await _run_reminders(stack.client)
            failing = settings.model_copy(update={"simulated_mischief": _NO_RESPONSE})
            async with Stack(failing, parts=PARTS_WITH_CODEC) as stack:
                async with ApiClient(stack.api_url) as client:
                    await _capture_without_response(client, pending)
                await _take(stack.ui_url, browser, folder, timeline=timeline, details=details, pending=pending)
        finally:
            await database.close()


async def _run_reminders(client: Client) -> None:
    """One run by hand and three days of backfill."""
    handle = client.get_schedule_handle(schedule_id(_REGION))
    await handle.trigger()
    today = datetime.combine(datetime.now(UTC), time(), UTC)
    days = ScheduleBackfill(today - timedelta(days=3), today, overlap=ScheduleOverlapPolicy.BUFFER_ALL)
    await handle.backfill(days)
    async with asyncio.timeout(30):
        while (description := await handle.describe()).info.running_actions or description.info.num_actions < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _capture_without_response(client: ApiClient, claim_id: str) -> None:
    """The return is overdue and the capture gets no response for so long that the claim needs attention."""
    for by in ({"until": "due"}, {"hours": 0.5}):
        with contextlib.suppress(ApiUnavailable):  # the claim waits for the gateway
            await client.post(f"/dev/claims/{claim_id}/fast-forward", by, again=False)


async def _take(ui_url: str, browser: str, folder: Path, *, timeline: str, details: str, pending: str) -> None:
    views = json.loads((_DOCS / "saved-views.json").read_text())
    stored = {
        "timeFormat": json.dumps("UTC"),
        "namespace-workflow-table-columns": json.dumps({"default": [{"label": each} for each in _COLUMNS.split(",")]}),
        "saved-workflow-queries": json.dumps(views),
    }
    needs_attention = next(view["query"] for view in views["default"] if view["name"] == "Needs attention")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser, args=_BROWSER_OPTIONS)
        page = await chromium.new_page()
        await page.add_init_script(f"for (const [k, v] of Object.entries({json.dumps(stored)})) localStorage[k] = v")

        async def take(name: str, height: int, path: str, ready: str | Locator, tab: str = "") -> None:
            """A page without its navigation and top bar. `ready`: a text or an element that is shown last."""
            await page.set_viewport_size({"width": _LEFT + _WIDTH, "height": _TOP + height})
            await page.goto(f"{ui_url}/namespaces/default/{path}")
            if tab:
                await page.get_by_test_id(f"{tab}-tab").click()
            shown = page.get_by_text(ready) if isinstance(ready, str) else ready
            await expect(shown.first).to_be_visible(timeout=_READY_MILLISECONDS)
            clip: FloatRect = {"x": _LEFT, "y": _TOP, "width": _WIDTH, "height": height}
            await page.screenshot(path=folder / f"{name}.png", clip=clip, animations="disabled")

        claims, attention = (f"workflows?query={quote(query)}" for query in ("ClaimState IS NOT NULL", needs_attention))
        current_details = page.frame_locator("iframe").last.get_by_text("awaiting cure")
        await take("list", 740, claims, "awaiting_return")
        await take("needs-attention", 480, attention, "capture_unknown")
        await take("details", 650, f"workflows/{details}", current_details, "user-metadata")
        await take("pending", 560, f"workflows/{pending}", "Last Failure", "pending-activities")
        await take("timeline", 1250, f"workflows/{timeline}", "release_hold")
        await take("schedule", 640, f"schedules/{schedule_id(_REGION)}", "Recent Runs")
        await chromium.close()


def _browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise StackError("The pictures need Chromium. Install it, on Debian with: apt-get install chromium")
    return found


if __name__ == "__main__":
    try:
        asyncio.run(take_all(_DOCS / "images"))
    except StackError as error:
        sys.exit(str(error))
