"""Messages and the guide models: what travels on the bus."""
