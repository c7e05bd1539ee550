"""CLI: the ``aftercare`` command with its command groups, and its exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from cli.api import api
from cli.catalogue import catalogue_app
from cli.codec_server import codec_server
from cli.common import CommandError
from cli.database import database_app
from cli.dev import demo, dev
from cli.keys import keys_app
from cli.ledger import ledger_app
from cli.mail import mail_app
from cli.reconcile import reconcile
from cli.temporal import temporal_app
from cli.worker import worker
from devstack.preflight import StackError
from settings import SettingsError
from temporal_runtime.connection import TemporalUnreachable

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Device protection claims on Temporal.")
app.add_typer(temporal_app, name="temporal")
app.add_typer(database_app, name="db")
app.add_typer(catalogue_app, name="catalog")
app.add_typer(keys_app, name="keys")
app.add_typer(ledger_app, name="ledger")
app.add_typer(mail_app, name="mail")
app.command("reconcile")(reconcile)
app.command("dev")(dev)
app.command("worker")(worker)
app.command("api")(api)
app.command("codec-server")(codec_server)
app.command("demo")(demo)


def main() -> NoReturn:
    """The console script: run the command, report an expected error as one message, and end the process."""
    # Databases, mails and secrets are this user's alone, and so is what a child process writes.
    os.umask(0o077)
    _exit_now(exit_code_of(app))


def exit_code_of(command: Callable[[], object]) -> int:
    """Run `command` and return its exit code; 2, with the message on standard error, for an error a user can fix."""
    try:
        command()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except (CommandError, SettingsError, StackError, TemporalUnreachable) as error:
        typer.secho(str(error), fg="red", err=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _exit_now(code: int) -> NoReturn:
    """End without finalizing the interpreter: Temporal's SDK threads may still call into it and abort the process."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
