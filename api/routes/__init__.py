"""API: one file a resource. A route reads the request, asks the read side or Temporal, and dresses the answer."""
