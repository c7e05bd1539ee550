"""A workflow in place of a claim that records the signals about mails.

In a module of its own: the sandbox imports a workflow's module anew, with all that it imports, and a second copy of a
database driver's extension modules ends the process at its next connection.
"""

from temporalio import workflow

from messages.claims import MailFailed


@workflow.defn
class SignalRecorder:
    """Ends after `count` signals."""

    def __init__(self) -> None:
        self._failed: list[MailFailed] = []

    @workflow.signal
    def mail_failed(self, message: MailFailed) -> None:
        self._failed.append(message)

    @workflow.run
    async def run(self, count: int) -> list[MailFailed]:
        await workflow.wait_condition(lambda: len(self._failed) == count)
        return self._failed
