from aerostack_dev.functions.asgi import fetch as fetch
