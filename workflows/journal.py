"""Workflows: the journal of a claim: what it is, what happened, who was written to, and the one way to record it."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError

from domain.claim import Claim
from domain.kinds import Attention, ClaimState, Outcome
from domain.money import Money
from domain.policy import Policy
from messages import search
from messages.jobs import JobOpened
from messages.mail import Mail, MailKind, Notice, SendMail
from messages.record import ClaimEvent, Record, SaveClaim, UseReserved
from workflows.steps import Steps

NOTICES_WITH_THE_RECORD: Final = "notices-with-the-record"
"""Claims begun since then send their mails when they are saved, not each by itself (decision 0027)."""


class Journal(Steps):
    """The claim as it stands. Only the story changes it; `_save` makes the record and the Temporal UI say the same."""

    def __init__(self) -> None:
        super().__init__()
        self._claim: Claim | None = None
        self._journal: list[ClaimEvent] = []
        self._seq = 0
        self._version = 0
        self._letters: list[SendMail] = []
        self._mails: list[asyncio.Task[None]] = []
        self._mailed: dict[MailKind, int] = {}
        self._attributes: dict[str, object] = {}
        self._gives_back = False
        self._policy = Policy()
        self._time_zone = "UTC"

    @property
    def _the_claim(self) -> Claim:
        assert self._claim is not None, "the story has not begun"
        return self._claim

    def _begin(self, agreed: UseReserved | JobOpened) -> None:
        """The claim as it begins, with the decisions and the zone that are frozen onto it."""
        self._claim, self._policy, self._time_zone = agreed.claim, agreed.policy, agreed.time_zone

    def _change(self, **changes: Any) -> None:
        self._claim = replace(self._the_claim, **changes)

    def _note(self, kind: str, title: str, details: str = "", actor: str = "system") -> None:
        """Write a line into the timeline; it is stored with the next save."""
        self._seq += 1
        event = ClaimEvent(seq=self._seq, at=workflow.now(), kind=kind, title=title, details=details, actor=actor)
        self._journal.append(event)

    def _flag(self, attention: Attention) -> None:
        if attention not in self._the_claim.attention:
            self._change(attention=(*self._the_claim.attention, attention))

    def _unflag(self, *gone: Attention) -> None:
        self._change(attention=tuple(a for a in self._the_claim.attention if a not in gone))

    def _mail(self, kind: MailKind, amount: Money | None = None) -> None:
        """Send a notice about the claim as it stands, with the next save.

        One that does not go out at once is sent beside the story: a post office that is away holds nothing up.
        """
        occurrence = self._mailed.get(kind, 0) + 1
        self._mailed[kind] = occurrence
        ask = SendMail(kind=kind, claim=self._the_claim, at=workflow.now(), occurrence=occurrence, amount=amount)
        if workflow.patched(NOTICES_WITH_THE_RECORD):
            self._letters.append(ask)
        else:
            self._mails.append(asyncio.create_task(self._send_by_itself(ask)))

    async def _send_by_itself(self, ask: SendMail) -> None:
        if await self._at_once(Mail.send_mail, ask, f"mail: {_words(ask.kind)}") is None:
            await self._send(ask)

    async def _send(self, ask: SendMail) -> None:
        if not await self._delivered(Mail.send_mail, ask, f"mail: {_words(ask.kind)}"):
            self._note("mail_failed", f"The mail “{_words(ask.kind)}” could not be delivered.")

    def _close(self, outcome: Outcome, *, gives_back: bool = False) -> None:
        self._change(
            state=ClaimState.CLOSED,
            outcome=outcome,
            closed_at=workflow.now(),
            deadline=None,
            wait_reason="",
            attention=tuple(a for a in self._the_claim.attention if a.outlives_the_claim),
        )
        self._gives_back = self._gives_back or gives_back
        self._note("closed", f"Closed: {outcome.replace('_', ' ')}.")

    async def _save(self) -> None:
        """Make the record and the Temporal UI say what the claim says, in one write, and send the notices of it."""
        self._version += 1
        events, self._journal = tuple(self._journal), []
        letters, self._letters = self._letters, []
        self._show()
        ask = SaveClaim(
            claim=self._the_claim,
            run_id=workflow.info().run_id,
            version=self._version,
            events=events,
            gives_back=self._gives_back,
            notices=tuple(self._notice(letter) for letter in letters),
        )
        told = ", ".join([events[-1].kind if events else "claim", *(f"mail {_words(each.kind)}" for each in letters)])
        saved = await self._recorded(Record.save_claim, ask, f"record: {told}")
        for place in saved.unsent if saved else ():
            self._mails.append(asyncio.create_task(self._send(letters[place])))

    def _notice(self, letter: SendMail) -> Notice:
        claim = None if letter.claim == self._the_claim else letter.claim
        return Notice(kind=letter.kind, at=letter.at, occurrence=letter.occurrence, amount=letter.amount, claim=claim)

    def _show(self) -> None:
        claim = self._the_claim
        due = claim.returning.due_at if claim.returning else None
        wanted: list[tuple[SearchAttributeUpdate[Any], object]] = [
            (search.CLAIM_STATE.value_set(claim.state), claim.state),
            (search.CLAIM_ATTENTION.value_set([str(a) for a in claim.attention]), claim.attention),
        ]
        if claim.hold:
            wanted.append((search.HOLD_STATE.value_set(claim.hold.state), claim.hold.state))
        if due:
            wanted.append((search.RETURN_DUE.value_set(due), due))
        changed = [(update, value) for update, value in wanted if self._attributes.get(update.key.name, ()) != value]
        if changed:
            self._attributes.update({update.key.name: value for update, value in changed})
            workflow.upsert_search_attributes([update for update, _ in changed])
        lines = [f"**{claim.state.replace('_', ' ')}** {claim.wait_reason}", ""]
        lines += [f"- needs attention: {a.replace('_', ' ')}" for a in claim.attention]
        lines += [f"- {reason.rule}: {reason.message}" for reason in claim.reasons]
        workflow.set_current_details("\n".join(lines))

    async def _answer_unknown(self, summary: str, error: ActivityError) -> None:
        if self._claim is not None and Attention.CAPTURE_UNKNOWN not in self._claim.attention:
            self._flag(Attention.CAPTURE_UNKNOWN)
            self._note("answer_unknown", f"No answer yet: {summary}. Asked again until there is one.")
            await self._save()
        await super()._answer_unknown(summary, error)

    async def _answer_known(self, summary: str) -> None:
        if self._claim is not None and Attention.CAPTURE_UNKNOWN in self._claim.attention:
            self._unflag(Attention.CAPTURE_UNKNOWN)
            self._note("answer_known", f"Answered: {summary}.")


def _words(kind: MailKind) -> str:
    return kind.replace("_", " ")
