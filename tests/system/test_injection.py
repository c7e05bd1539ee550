"""Texts that are code in a template, on a page or in a spreadsheet stay texts in mails and in the ledger's CSV."""

import asyncio
import csv
import html
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from cli.app import app, exit_code_of
from tests.api.conftest import SHIP_TO
from tests.system.claims_api import ClaimsApi, Json
from tests.system.conftest import Deployment

TEXTS = {
    "template": "{{ 7*7 }} {% raw %} ${7*7} <%= 7*7 %> #{7*7}",
    "page": "<img src=x onerror=alert(1)>",
    "spreadsheet": '=HYPERLINK("http://x.example/")',
}
NUMBER = re.compile(r"-?\d+(\.\d+)?")


async def rejected(claims_api: ClaimsApi, text: str) -> Json:
    """A flyaway of an owner of that name, rejected with that reason."""
    serial = await claims_api.covered()
    owner = await claims_api.http.patch(f"/v1/devices/{serial}/owner", json={"name": text})
    assert owner.status_code == 200, owner.text
    claim = await claims_api.post_ok("/claims", claims_api.lost(serial))
    await claims_api.until(claim, lambda now: now["state"] == "awaiting_decision")
    return await claims_api.post_ok(f"/claims/{claim['id']}/decision", {"approve": False, "reason": text})


async def charged(claims_api: ClaimsApi, text: str) -> None:
    """A claim with that text wherever one may be written, defaulted, returned late and refunded."""
    address = SHIP_TO | {"name": text, "line1": text, "line2": text, "city": text}
    claim = await claims_api.shipped(ship_to=address)
    await claims_api.post_ok(f"/claims/{claim['id']}/extension", {"days": 1, "reason": text})
    await claims_api.forward(claim, until="due")
    await claims_api.post_ok(f"/claims/{claim['id']}/return-scan", {"carrier": text, "tracking_number": "=1+1"})
    await claims_api.returned(claim, notes=text, photos=["=1+1.jpg"])


def mails(folder: Path, claim: Json) -> Iterator[EmailMessage]:
    for file in folder.glob(f"{claim['id']}.*"):
        message = message_from_bytes(file.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        yield message


def part(message: EmailMessage, kind: str) -> str:
    """The words of one part, without its line breaks."""
    body = message.get_body((kind,))
    assert body is not None
    return " ".join(body.get_content().split())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_what_people_write_is_no_code_in_a_mail(deployment: Deployment, text: str) -> None:
    async with deployment.worker():
        claim = await rejected(deployment.claims_api, text)
        await deployment.mails_out()
    sent = list(mails(deployment.settings.mail_folder, claim))
    assert len(sent) == 2  # the settlement and the rejection
    for message in sent:
        assert message["To"].addresses[0].display_name == text
        assert f"Dear {text}," in part(message, "plain")
        assert f"Dear {html.escape(text, quote=False)}," in part(message, "html").replace("&#34;", '"')
    words = [part(message, "plain").partition(f"Dear {text},")[2] for message in sent]
    assert any(text in each for each in words)  # the reason of the rejection


async def test_no_cell_of_the_ledgers_csv_begins_a_formula(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployment.worker():
        await charged(deployment.claims_api, TEXTS["spreadsheet"])
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", deployment.settings.database_url)
    monkeypatch.setenv("AFTERCARE_HOME", str(tmp_path))
    file = tmp_path / "ledger.csv"
    words = ["ledger", "export", "--from", "2000-01-01", "--to", "2100-01-01", "--output", str(file)]
    assert await asyncio.to_thread(exit_code_of, lambda: app(words)) == 0
    rows = list(csv.reader(file.read_text().splitlines()))
    assert len(rows) > 6
    assert [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and not NUMBER.fullmatch(cell)] == []
