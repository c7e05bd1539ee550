"""What goes wrong around the claims of a soak: holds captured by hand, workflows reset, a silent gateway."""

import asyncio
import contextlib
import random
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlmodel import col, select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.payments.gateway import GatewayRefused
from activities.payments.simulated.gateway import SimulatedGateway
from domain.kinds import ClaimState
from domain.money import Money
from store.database import Database
from store.tables.claims import ClaimRow
from store.tables.simulated_gateway import GatewayPaymentRow

_OUTAGE_SECONDS: Final = 12.0
"""Of the wall clock; customers and warehouse go on meanwhile, each claim by days of its own clock."""


class Troubles:
    """Each method makes one trouble. `silent` is the file that silences the gateway; `counts` says what was made."""

    def __init__(self, database: Database, silent: Path, dice: random.Random, counts: Counter[str]) -> None:
        self._database = database
        self._gateway = SimulatedGateway(database, environment="development")
        self._silent = silent
        self._dice = dice
        self._counts = counts

    async def capture_by_hand(self) -> None:
        """Somebody captures a part of a live hold, or all of it, in the gateway's dashboard."""
        held = select(GatewayPaymentRow).where(
            GatewayPaymentRow.kind == "hold", GatewayPaymentRow.state == "authorized"
        )
        async with self._database.snapshot() as session:
            holds = (await session.exec(held)).all()
        if not holds:
            return
        hold = self._dice.choice(holds)
        amount = Money(self._dice.choice([hold.amount, hold.amount // 3]), hold.currency)
        key = f"dashboard:{uuid.uuid4()}"
        with contextlib.suppress(GatewayRefused):  # it ended meanwhile
            await self._gateway.capture(hold.id, amount, key=key, at=datetime.now(UTC))
            self._counts["holds captured by hand"] += 1

    async def reset(self, client: Client) -> None:
        """Operations reset a claim to its first workflow task."""
        is_open = select(ClaimRow.id).where(col(ClaimRow.state) != ClaimState.CLOSED.value)
        async with self._database.snapshot() as session:
            claims = (await session.exec(is_open)).all()
        if not claims:
            return
        claim_id = self._dice.choice(claims)
        history = await client.get_workflow_handle(claim_id).fetch_history()
        tasks = [e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes")]
        if not tasks:
            return
        request = ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=claim_id),
            reason="soak",
            workflow_task_finish_event_id=tasks[0],
            request_id=str(uuid.uuid4()),
        )
        with contextlib.suppress(RPCError):  # it ended meanwhile
            await client.workflow_service.reset_workflow_execution(request)
            self._counts["workflows reset"] += 1

    async def outage(self) -> None:
        """The gateway takes no request for some days of the claims' clocks."""
        self._silent.touch()
        try:
            await asyncio.sleep(_OUTAGE_SECONDS)
        finally:
            self._silent.unlink()
        self._counts["gateway outages"] += 1
