"""`aerostack dev`: the server, and what a person sees of it."""
