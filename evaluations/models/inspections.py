"""What the nightly look over the whole database found (evaluations/invariants.py): ids of rows, never their content."""

from datetime import datetime

from django.db import models

NAMED = 200  # ids kept of each rule: whoever mends so many has found the cause


class Inspection(models.Model):
    """One night: {rule: {"count": all rows that break it, "ids": the first of them}}; empty when all is well."""

    started_at = models.DateTimeField("bắt đầu")
    finished_at = models.DateTimeField("xong", auto_now_add=True, db_index=True)
    broken = models.JSONField("dòng sai", default=dict)

    class Meta:
        verbose_name = "lần kiểm tra số liệu"

    @classmethod
    def keep(cls, broken: dict[str, list[int]], started_at: datetime) -> "Inspection":
        rows = {code: {"count": len(ids), "ids": ids[:NAMED]} for code, ids in broken.items()}
        return cls.objects.create(started_at=started_at, broken=rows)

    @classmethod
    def newest(cls) -> "Inspection | None":
        return cls.objects.order_by("-finished_at", "-pk").first()

    @property
    def total(self) -> int:
        return sum(row["count"] for row in self.broken.values())
