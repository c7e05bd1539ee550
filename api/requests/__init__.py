"""API: request bodies: their shapes and bounds. The rules decide elsewhere whether a request is allowed."""
