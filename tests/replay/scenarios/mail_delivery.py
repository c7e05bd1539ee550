"""The delivery of mails: it has no end, so its history stops where it was stopped."""

import asyncio
import uuid

from temporalio.worker import Worker

from messages.mail import DeliverMails
from tests.fakes.outbox import FakeOutbox, given_up
from tests.replay.scenario import scenario
from tests.workflows.world import World
from workflows.mail_delivery import MailDelivery


@scenario("MailDelivery", worker=False)
async def a_mail_was_given_up(world: World) -> str:
    outbox, queue = FakeOutbox(gives_up=[(), (given_up("clm_of_nobody", 1),)]), world.task_queue
    async with Worker(world.client, task_queue=queue, workflows=[MailDelivery], activities=[outbox.deliver_mails]):
        delivery = await world.client.start_workflow(
            MailDelivery.run, DeliverMails(), id=f"mail-{uuid.uuid4()}", task_queue=queue
        )
        async with asyncio.timeout(30):
            while len(outbox.requests) < 3:
                await asyncio.sleep(0.02)
        await delivery.terminate()
    return delivery.id
