"""The vocabulary: no text of the project uses a retired word where the field has a standard term."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HISTORY = ("docs/decisions/", "CHANGELOG.md", "tests/replay/histories/")
"""What was written under the old names and keeps them."""
GENERATED = ("__pycache__", "build", "dist")
RETIRED = {
    "alive": "heartbeat, liveness",
    "bench": "service job",
    "desk": "claim workflow, API client",
    "door": "claim commands, API",
    "envelope": "MIME message",
    "house": "project",
    "journal": "claim record",
    "keeping the hold": "hold renewal",
    "ledger book": "ledger export",
    "letter": "mail template, message",
    "lifeline": "supervision",
    "mischief": "fault injection",
    "remote access": "ledgered gateway",
    "room": "package",
    "settling": "settlement",
    "simulated bank": "simulated gateway",
    "standing": "device snapshot",
    "story": "scenario, process",
    "stripe reading": "Stripe mapping",
    "surroundings": "environment",
    "till": "fees",
    "unfit": "invalid request",
    "unheard": "not reported",
    "untold": "not reported",
    "way out": "repair option",
    "ways out": "repair options",
    "wire": "HTTP client, connection",
}
"""Retired word or words, in the singular, and the term that replaces them."""
EXCEPTIONS = {
    r"\bAliveView\b": "the name of a schema in the OpenAPI document",
    r"make bench\b|^bench:|\bbench(?= bench-reminders screenshots)|bench-reminders": "targets of the Makefile",
    r"SIMULATED_MISCHIEF|simulated_mischief": "an environment variable and the setting that reads it",
    r"[\"`]unfit[\"`]": "a stored value of payment attempts",
    r"\.standing\b|\bstanding(?==|: OutboxStatus|\.[a-z]| = delivered)": "a field of the message MailsDelivered",
    r"journal_mode": "a pragma of SQLite",
    r"letter-spacing": "a property of CSS",
    r"letters and digits|upper[-_ ]case[-_ ]letters|small letters|of_any_letters": "letters of an alphabet",
    r"part in the house|a quote with every way out": "text of mails to customers",
}
"""Pattern of the exempt text and the reason."""
EXEMPT = re.compile("|".join(EXCEPTIONS))
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


FORBIDDEN = re.compile(f" (?:{'|'.join(sorted(RETIRED | {plural(word): '' for word in RETIRED}))})(?= )")


def retired_in(line: str) -> list[str]:
    """The retired words of a line. The parts of an identifier count as words."""
    words = " ".join(word.lower() for word in WORD.findall(EXEMPT.sub(" ", line)))
    return [found.strip() for found in FORBIDDEN.findall(f" {words} ")]


def texts(root: Path) -> Iterator[Path]:
    """The text files of the project at `root`, but for those in `HISTORY`, caches and generated folders."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name == ".ci" or not (name[0] == "." or name in GENERATED))
        for file in (Path(folder, name) for name in sorted(files)):
            name = file.relative_to(root).as_posix()
            if file != Path(__file__) and not name.startswith(HISTORY) and b"\0" not in file.read_bytes():
                yield file


def found_in(root: Path) -> list[str]:
    """Each retired word in the repository: file, line, word."""
    return [
        f"{file.relative_to(root)}:{number}: {word}"
        for file in texts(root)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for word in retired_in(line)
    ]


def test_no_retired_word_is_used() -> None:
    assert found_in(ROOT) == []


def test_a_planted_word_is_found(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text('"""The claim keeps standing."""\n\n\nclass FrontDoor:\n    ways_out = 1\n')
    (tmp_path / "docs" / "decisions").mkdir(parents=True)
    (tmp_path / "docs" / "decisions" / "0001.md").write_text("The house.\n")
    (tmp_path / "picture.png").write_bytes(b"\0door")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "text").write_text("door")
    assert found_in(tmp_path) == ["planted.py:1: standing", "planted.py:4: door", "planted.py:5: ways out"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Stories of a Till, told in letters.", ["stories", "till", "letters"]),
        ("SIMULATED_MISCHIEF_DOORS", ["doors"]),
        ("indoors, wired, benchmark, outstanding, until, storytelling, MISCHIEF", ["mischief"]),
        ("`make bench` and a bench", ["bench"]),
        ("keeping_the_hold, keeping a hold", ["keeping the hold"]),
    ],
)
def test_words_are_distinguished_from_longer_ones_and_from_exceptions(line: str, words: list[str]) -> None:
    assert retired_in(line) == words


@pytest.mark.parametrize("pattern", EXCEPTIONS)
def test_every_exception_is_used(pattern: str) -> None:
    lines = (line for file in texts(ROOT) for line in file.read_text(encoding="utf-8").splitlines())
    assert any(re.search(pattern, line) for line in lines), "nothing is exempt by it any more: remove it"
