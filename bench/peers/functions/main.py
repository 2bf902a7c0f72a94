"""What functions-framework-python can do of the work: it has no bindings."""


def work(request):
    return "hello" if request.path == "/hello" else ("not found", 404)
