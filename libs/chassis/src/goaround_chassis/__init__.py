"""How a service starts, is seen, and talks. It has no word of deployments."""
