"""Activities: mails: templates, MIME messages, transports and the delivery of the outbox."""
