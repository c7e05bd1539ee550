"""Activities: a simulated payment gateway in our own database."""
