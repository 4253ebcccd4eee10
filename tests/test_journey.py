"""The whole line in one read: the path every request takes, from the roster to the stored PDF."""

import io

from django.core import mail
from pypdf import PdfReader

from evaluations.models import Letter
from tests.conftest import Cast
from tests.season import Season


def test_answer_reaches_the_workplace_as_stored_pdf(cast: Cast, play: Season) -> None:
    matter = play.answered()
    play.rendered()

    assert matter.state == "answered"
    form = matter.answering_version().form.issued_file()
    text = PdfReader(io.BytesIO(bytes(form.content))).pages[0].extract_text()
    assert "Trần Thị Thử" in text
    assert "Nêu gương tốt" in text
    assert matter.reply.issued_file() is not None
    assert {letter.kind: letter.state for letter in Letter.objects.all()} == {"request": "sent", "reply": "sent"}
    assert sorted(message.to for message in mail.outbox) == [["anhai@example.org"], ["so.thunghiem@example.org"]]
    assert not any("Trần Thị Thử" in message.body + message.subject for message in mail.outbox)
