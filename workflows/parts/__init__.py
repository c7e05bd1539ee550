"""The parts that workflows are composed of, one a file. A part owns its state; its constructor lists what it needs."""
