"""That the ladder of reminders was walked: one row for each day, written with the reminders of that day."""

from django.db import models


class LadderRun(models.Model):
    day = models.DateField("ngày", unique=True)
    finished_at = models.DateTimeField("lúc", auto_now=True)
    due = models.PositiveIntegerField("số thư nhắc")

    class Meta:
        verbose_name = "lần nhắc việc"
