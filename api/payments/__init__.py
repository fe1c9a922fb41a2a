"""Payments through Stripe: what can be bought, checkout, the customer portal, signed webhooks."""
