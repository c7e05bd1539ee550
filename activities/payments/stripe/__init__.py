"""Activities: Stripe as the payment gateway."""
