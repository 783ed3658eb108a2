"""What several floors write and follow through the Store port: the trail of steps, the outbox, modes of the city."""
