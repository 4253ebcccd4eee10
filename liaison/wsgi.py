import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings")


class Utf8Request(WSGIRequest):
    """Our pages and forms are UTF-8, whatever the client claims: Django crashes over a claim that is no text encoding,
    and no page could say so, because the error page would read the same request."""

    encoding = property(lambda self: None, lambda self, claimed: None)


class Handler(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Handler()
