"""``python -m cli`` is ``aftercare``."""

from cli.app import main

main()
