"""The embedded servers: started, taken over, killed, stopped; refused with a reason."""
