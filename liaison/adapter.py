import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from django.http import HttpRequest

from liaison.sessions import SEEN, SINCE


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up: accounts are given out by the committee that the person works for."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        # allauth counts per host name, which the client chooses: another port in it would be another five attempts.
        return credentials.get("username", "").lower()

    def login(self, request: HttpRequest, user: Any) -> None:
        super().login(request, user)
        request.session[SINCE] = request.session[SEEN] = time.time()

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who signed in a moment ago has just shown who he is; allauth would ask him for the same again."""
        records = get_authentication_records(context.request, context.request.user)
        just_now = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
        return not any(record["at"] > just_now for record in records)
