"""`python -m aerostack_dev` is `aerostack`."""

from .cli import main

main()
