"""Demo: scenarios of plans: purchase, renewal, reminders, refund, sale with the device."""

from __future__ import annotations

from typing import Final

from demo.cover_steps import CoverResult, CoverSteps
from demo.scenario import CoverScenario


async def _too_late(steps: CoverSteps) -> None:
    await steps.ask_too_late()
    await steps.approve_video()
    await steps.buy()


async def _in_time(steps: CoverSteps) -> None:
    await steps.had_plan(ends_in_days=40)
    await steps.ask_for_renewal()
    await steps.renew()
    await steps.renew_again()


async def _after_the_end(steps: CoverSteps) -> None:
    await steps.had_plan(ends_in_days=-5)
    await steps.ask_for_renewal()
    await steps.renew()


async def _reminded(steps: CoverSteps) -> None:
    await steps.had_plan(ends_in_days=180)
    await steps.run_reminders(-30, "30 days before")
    await steps.run_reminders(-30, "once more")
    await steps.run_reminders(-7, "7 days before")
    await steps.run_reminders(0, "the last day")
    await steps.renew()
    await steps.run_reminders(10, "10 days after")


async def _given_back(steps: CoverSteps) -> None:
    await steps.buy()
    await steps.give_back()


async def _longer(steps: CoverSteps) -> None:
    await steps.buy()
    await steps.ask_to_extend()


async def _sold(steps: CoverSteps) -> None:
    await steps.buy()
    await steps.sell_to("Vera Lang")
    await steps.report_lost()
    await steps.bind()


COVER_SCENARIOS: Final = (
    CoverScenario(
        title="Too late for a plan",
        customer="Pia Falk",
        model="mini-5-pro",
        region="US",
        age_days=400,
        given="A plan is sold with a new device: for a drone within 48 hours of its activation. This one has been "
        "flown for more than a year. Who shows on video that it is unharmed may buy all the same.",
        run=_too_late,
        then="A refusal gives its reason and what helps; after the approval a plan can be bought for 72 hours.",
        expected=CoverResult(
            answers=("refused R-PUR-1", "approved for 72 hours", "bought USD 99.00"), cover="covered, 1 term"
        ),
    ),
    CoverScenario(
        title="Renewed in time",
        customer="Quinn Hale",
        model="mini-5-pro",
        region="US",
        age_days=365,
        given="The plan ends in 40 days.",
        run=_in_time,
        then="The new year begins the day after the old one ends, whenever it is bought. One can wait, not two.",
        expected=CoverResult(answers=("renewable", "renewed USD 99.00", "refused R-REN-5"), cover="covered, 2 terms"),
    ),
    CoverScenario(
        title="Renewed after the end",
        customer="Rosa Kuhn",
        model="mini-5-pro",
        region="EU",
        age_days=400,
        given="The plan ended five days ago. For fifteen days after the end it can still be renewed.",
        run=_after_the_end,
        then="The days in between stay uncovered, and that is said before anybody pays.",
        expected=CoverResult(
            answers=("renewable with a gap", "renewed EUR 91.00 with a gap"),
            cover="covered, 2 terms",
        ),
    ),
    CoverScenario(
        title="Reminded",
        customer="Sven Aker",
        model="mini-3",
        region="EU",
        age_days=200,
        given="Every morning a schedule looks for plans that end soon. Here it is run as on four mornings to "
        "come, the first one twice.",
        run=_reminded,
        then="Each reminder goes out once, however often a morning is run; who has renewed hears nothing more.",
        expected=CoverResult(
            answers=("renewal_30", "nothing", "renewal_7", "renewal_0", "renewed EUR 69.00", "nothing"),
            cover="covered, 2 terms",
            mails=frozenset({"renewal_30", "renewal_7", "renewal_0"}),
        ),
    ),
    CoverScenario(
        title="Given back",
        customer="Tara Quist",
        model="mavic-3",
        region="US",
        given="A plan is bought and regretted. Within 14 days, and with nothing used of it, it can be given back.",
        run=_given_back,
        then="The whole price is refunded, and the device is not covered any more.",
        expected=CoverResult(answers=("bought USD 239.00", "refunded USD 239.00"), cover="not covered, 0 terms"),
    ),
    CoverScenario(
        title="Longer is not for sale",
        customer="Uwe Brandt",
        model="mavic-3",
        region="EU",
        given="The customer is abroad for a month and would like that month added to the end.",
        run=_longer,
        then="Cover is paused, moved or lengthened for nobody; the answer says when it can be renewed.",
        expected=CoverResult(answers=("bought EUR 220.00", "refused R-PLN-5"), cover="covered, 1 term"),
    ),
    CoverScenario(
        title="Sold with its plan",
        customer="Walt Dean",
        model="mavic-3",
        region="US",
        given="The drone is sold. The plan belongs to the device, the remote controller was the seller's.",
        run=_sold,
        then="The cover stays for the rest of its year. A flyaway is covered once a controller is bound again.",
        expected=CoverResult(
            answers=("bought USD 239.00", "owned by Vera Lang, unbound", "refused R-FLY-2", "bound"),
            cover="covered, 1 term",
        ),
    ),
)
