"""The locks: every release pinned and hashed, no host and no path of a machine in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-stripe.lock", "requirements-traces.lock", "requirements-dev.lock")
ELSEWHERE = ("tests/stripe/simulator.lock", "benchmarks/peer/peer.lock")
"""Of environments of their own."""


@pytest.mark.parametrize("name", [*LOCKS, *ELSEWHERE])
def test_a_lock_names_no_host_and_no_machine(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|^-|\bindex\b|/home/|/root/|/tmp/", text, re.MULTILINE)


@pytest.mark.parametrize("name", [*LOCKS, *ELSEWHERE])
def test_everything_locked_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE).strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+ ", entry), entry
        assert "--hash=sha256:" in entry


def test_each_lock_holds_the_one_before_it() -> None:
    runtime, stripe, traces, development = (
        set(re.findall(r"^[\w.-]+==[^ \\;]+", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS
    )
    assert runtime < stripe < traces <= development
