"""What lies behind links: who asks the services, and the steps that fetch."""
