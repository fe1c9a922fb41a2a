"""Outgoing webhooks by the Standard Webhooks form: endpoints, an outbox of messages, couriers that send them."""
