"""Columns whose content is readable only with the keys in the environment (settings.FIELD_KEYS, newest first)."""

import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from members.names import search_key


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def encrypted(text: str) -> str:
    return _cipher().encrypt(text.encode()).decode()


def decrypted(text: str) -> str:
    return _cipher().decrypt(text.encode()).decode()


def lately_encrypted(text: str, seconds: int) -> str | None:
    """What was encrypted at most so many seconds ago; None for what is older or not ours."""
    try:
        return _cipher().decrypt(text.encode(), ttl=seconds).decode()
    except InvalidToken:
        return None


def blind_index(value: str) -> str:
    """Keyed digest that lets an encrypted value be found again without being readable; "" stays "".

    43.123456 and 43 123456 are the same card.
    """
    plain = search_key(value).replace(" ", "")
    if not plain:
        return ""
    return hmac.new(settings.BLIND_INDEX_KEY.encode(), plain.encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypted(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        return encrypted(str(value)) if value else value


class EncryptedJSONField(EncryptedTextField):
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> Any:
        text = super().from_db_value(value)
        return json.loads(text) if text else None

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(json.dumps(value, ensure_ascii=False))
