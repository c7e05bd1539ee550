"""The demo's stories of a plan: bought, renewed, reminded of, given back, sold with its device."""

from __future__ import annotations

from typing import Final

from demo.cover import Cover, CoverEnding
from demo.story import CoverStory


async def _too_late(cover: Cover) -> None:
    await cover.ask_too_late()
    await cover.approve_video()
    await cover.buy()


async def _in_time(cover: Cover) -> None:
    await cover.had_plan(ends_in_days=40)
    await cover.ask_for_renewal()
    await cover.renew()
    await cover.renew_again()


async def _after_the_end(cover: Cover) -> None:
    await cover.had_plan(ends_in_days=-5)
    await cover.ask_for_renewal()
    await cover.renew()


async def _reminded(cover: Cover) -> None:
    await cover.had_plan(ends_in_days=180)
    await cover.run_reminders(-30, "30 days before")
    await cover.run_reminders(-30, "once more")
    await cover.run_reminders(-7, "7 days before")
    await cover.run_reminders(0, "the last day")
    await cover.renew()
    await cover.run_reminders(10, "10 days after")


async def _given_back(cover: Cover) -> None:
    await cover.buy()
    await cover.give_back()


async def _longer(cover: Cover) -> None:
    await cover.buy()
    await cover.ask_to_extend()


async def _sold(cover: Cover) -> None:
    await cover.buy()
    await cover.sell_to("Vera Lang")
    await cover.report_lost()
    await cover.bind()


COVER: Final = (
    CoverStory(
        title="Too late for a plan",
        customer="Pia Falk",
        model="mini-5-pro",
        region="US",
        age_days=400,
        plot="A plan is sold with a new device: for a drone within 48 hours of its activation. This one has been flown "
        "for more than a year. Who shows on video that it is unharmed may buy all the same.",
        play=_too_late,
        moral="A refusal gives its reason and the way on; the approval opens the shop for 72 hours.",
        told=CoverEnding(
            answers=("refused R-PUR-1", "approved for 72 hours", "bought USD 99.00"), cover="covered, 1 term"
        ),
    ),
    CoverStory(
        title="Renewed in time",
        customer="Quinn Hale",
        model="mini-5-pro",
        region="US",
        age_days=365,
        plot="The plan ends in 40 days.",
        play=_in_time,
        moral="The new year begins the day after the old one ends, whenever it is bought. One can wait, not two.",
        told=CoverEnding(answers=("renewable", "renewed USD 99.00", "refused R-REN-5"), cover="covered, 2 terms"),
    ),
    CoverStory(
        title="Renewed after the end",
        customer="Rosa Kuhn",
        model="mini-5-pro",
        region="EU",
        age_days=400,
        plot="The plan ended five days ago. For fifteen days after the end it can still be renewed.",
        play=_after_the_end,
        moral="The days in between stay uncovered, and that is said before anybody pays.",
        told=CoverEnding(
            answers=("renewable with a gap", "renewed EUR 91.00 with a gap"),
            cover="covered, 2 terms",
        ),
    ),
    CoverStory(
        title="Reminded",
        customer="Sven Aker",
        model="mini-3",
        region="EU",
        age_days=200,
        plot="Every morning a schedule looks for plans that end soon. Here it is run as on four mornings to "
        "come, the first one twice.",
        play=_reminded,
        moral="Each reminder goes out once, however often a morning is run; who has renewed hears nothing more.",
        told=CoverEnding(
            answers=("renewal_30", "nothing", "renewal_7", "renewal_0", "renewed EUR 69.00", "nothing"),
            cover="covered, 2 terms",
            mails=frozenset({"renewal_30", "renewal_7", "renewal_0"}),
        ),
    ),
    CoverStory(
        title="Given back",
        customer="Tara Quist",
        model="mavic-3",
        region="US",
        plot="A plan is bought and regretted. Within 14 days, and with nothing used of it, it can be given back.",
        play=_given_back,
        moral="The whole price is refunded, and the device is not covered any more.",
        told=CoverEnding(answers=("bought USD 239.00", "refunded USD 239.00"), cover="not covered, 0 terms"),
    ),
    CoverStory(
        title="Longer is not for sale",
        customer="Uwe Brandt",
        model="mavic-3",
        region="EU",
        plot="The customer is abroad for a month and would like that month added to the end.",
        play=_longer,
        moral="Cover is paused, moved or lengthened for nobody; the answer says when it can be renewed.",
        told=CoverEnding(answers=("bought EUR 220.00", "refused R-PLN-5"), cover="covered, 1 term"),
    ),
    CoverStory(
        title="Sold with its plan",
        customer="Walt Dean",
        model="mavic-3",
        region="US",
        plot="The drone is sold. The plan belongs to the device, the remote controller was the seller's.",
        play=_sold,
        moral="The cover stays for the rest of its year. A flyaway is covered once a controller is bound again.",
        told=CoverEnding(
            answers=("bought USD 239.00", "owned by Vera Lang, unbound", "refused R-FLY-2", "bound"),
            cover="covered, 1 term",
        ),
    ),
)
