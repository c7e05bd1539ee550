"""What processes are composed of, one noun a file. A part owns its state and says in its constructor what it needs."""
