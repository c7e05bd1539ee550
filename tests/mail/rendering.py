"""Rendered mails and what they contain."""

import html
import re

from activities.mail.templates import MailTemplates, RenderedMail
from messages.mail import SendMail
from tests.mail.claims import (
    US,
    Place,
)

TEMPLATES = MailTemplates()


def render(mail: SendMail, place: Place = US) -> RenderedMail:
    return TEMPLATES.render(mail, place.recipient())


def flat(text: str) -> str:
    """The words without line breaks, markup or entities."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def assert_contains(mail: SendMail, *sentences: str, place: Place = US) -> None:
    """Text and HTML contain each of the sentences."""
    rendered = render(mail, place)
    for half in (rendered.text, rendered.html):
        for sentence in sentences:
            assert sentence in flat(half)
