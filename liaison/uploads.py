"""Uploads stay in memory: a roster names people, some of whom must not be kept anywhere, and a disk remembers."""

from io import BytesIO

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class NeverOnDisk(FileUploadHandler):
    """Keeps the first bytes of a request's files and counts the rest, so that a form can say that a file is too big."""

    room = settings.FILE_UPLOAD_MAX_MEMORY_SIZE

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        """A view that takes larger files says so itself, by its attribute `upload_room`."""
        match = self.request.resolver_match if self.request else None
        self.room = getattr(match.func, "upload_room", self.room) if match else self.room

    def new_file(self, *args: object, **kwargs: object) -> None:
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.kept.write(raw_data[: self.room])
        self.room -= min(self.room, len(raw_data))

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type, file_size, self.charset
        )
