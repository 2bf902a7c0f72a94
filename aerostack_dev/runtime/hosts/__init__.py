"""What runs the author's function: a folder for each language (`runtime.host.HOSTS`)."""
