"""The evidence pack of a whole claim: notices, scans, charge and ledger, on either engine."""

from tests.system.conftest import Deployment


async def test_the_evidence_of_a_defaulted_claim_is_complete(deployment_on_each_engine: Deployment) -> None:
    """Edge case 59: consent, due date, notices sent, scans, inspection with photos."""
    claims_api = deployment_on_each_engine.claims_api
    async with deployment_on_each_engine.worker():
        claim = await claims_api.shipped()
        await claims_api.post_ok(f"/claims/{claim['id']}/extension", {"days": 3, "reason": "away"})
        await claims_api.forward(claim, until="due")
        scan = {"carrier": "UPS", "tracking_number": "1Z998"}
        await claims_api.post_ok(f"/claims/{claim['id']}/return-scan", scan)
        await claims_api.until(claim, lambda now: now["return"]["scanned_at"] is not None)
        seen = {"serial_number": "OTHER-1", "notes": "another drone", "photos": ["label.jpg"]}
        await claims_api.returned(claim, **seen)
        await deployment_on_each_engine.mails_out()
        pack = await claims_api.get(f"/claims/{claim['id']}/evidence")
    assert pack["consent"]["terms_text"].startswith("# Replacement terms, version 2026-01")
    assert pack["consent"]["accepted_by"] == "admin"
    dates = [date["what"] for date in pack["dates"]]
    for what in ("opened", "dispatched", "due", "extended", "scanned", "arrived", "inspected", "charged"):
        assert what in dates, what
    due = next(date for date in pack["dates"] if date["what"] == "due")
    taken = next(date for date in pack["dates"] if date["what"] == "charged" and "1640.00" in date["title"])
    assert due["at"] < taken["at"], "charged after it was due, not before"
    notices = {notice["kind"]: notice for notice in pack["notices"]}
    assert set(notices) >= {"settlement", "shipped", "extended"}
    assert all(notice["recipient"] == "ada@example.com" for notice in notices.values())
    assert all(notice["message_id"] for notice in notices.values())
    assert [line["details"] for line in pack["scans"]] == ["UPS 1Z998"]
    assert len(pack["arrivals"]) == 1
    assert pack["inspection"]["serial_number_found"] == "OTHER-1"
    assert pack["inspection"]["photos"] == ["label.jpg"]
    assert pack["ledger"]["balances"]["default_charges"] == {"amount": 164000, "currency": "USD"}
    assert pack["timeline"][0]["kind"] == "submitted"
