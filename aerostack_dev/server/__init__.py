"""The HTTP side: the user port, the control port, and what binds and serves them."""
