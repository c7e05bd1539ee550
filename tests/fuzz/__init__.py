"""Schemathesis over the OpenAPI document, on fakes (`make test`) and on the local stack (`make fuzz`)."""
