"""Argon2 as in production; each use leaves a line in a file, whichever process it was."""

import os
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher


class CountedHasher(Argon2PasswordHasher):
    def verify(self, password: str, encoded: str) -> bool:
        _note()
        return super().verify(password, encoded)

    def encode(self, password: str, salt: str) -> Any:
        _note()
        return super().encode(password, salt)


def _note() -> None:
    if path := os.environ.get("TEST_HASHES"):
        with open(path, "a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
