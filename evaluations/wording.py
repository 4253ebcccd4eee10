"""Whether two comments are the same words. Near-copies that differ are another matter; here only the plain case."""

import hashlib

from members.names import search_key

FEWEST_WORDS = 6  # "Không có ý kiến gì khác" is said of many and copies nobody


def copy_key(remarks: str, name: str) -> str:
    """The same for texts that differ in marks, case, punctuation or the member's own name; "" for a short one."""
    words = f" {search_key(remarks)} ".replace(f" {search_key(name)} ", " ").split()
    if len(words) < FEWEST_WORDS:
        return ""
    return hashlib.blake2b(" ".join(words).encode(), digest_size=16).hexdigest()
