"""The ``aftercare`` command, one module a command group. It reads the settings once and passes them on."""
