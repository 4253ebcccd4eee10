"""What must hold over the whole database, whoever wrote last: asked every night, and the rows that break it are named.

Verbs and constraints keep these rules; here is asked whether they did. What no constraint can say (two tables, two
rows, a household) has no other guard. A new rule is a line in RULES and a test that breaks it on purpose
(tests/evaluations/test_invariants.py).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from evaluations import invariant_rows as rows
from evaluations.models import Inspection
from members.models import Membership, Placement

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    """`wrong` says what is so, `remedy` what to do; `rows` are those that break it, none as long as all is well."""

    code: str
    wrong: str
    remedy: str
    rows: Callable[[], QuerySet[Any]]

    @property
    def model(self) -> Any:
        return self.rows().model

    @property
    def about(self) -> str:
        """What the rows are, in Vietnamese."""
        return str(self.model._meta.verbose_name)

    def broken(self) -> list[int]:
        """The ids of all of them. Without LIMIT and order: PostgreSQL would expect to find the first few soon and
        choose a plan that takes for ever when there is none."""
        return sorted(set(self.rows().order_by().values_list("pk", flat=True)))


CALL = "Gọi đơn vị đang giữ đề nghị"
RULES = (
    Rule(
        "asked_twice",
        "Một đồng chí được hỏi hai lần về cùng một thời gian trong một đợt",
        "Mở hai đề nghị, giữ đề nghị gửi đúng nơi cư trú, hủy đề nghị kia với lý do.",
        rows.asked_twice,
    ),
    Rule(
        "open_in_closed_campaign",
        "Đợt đã kết thúc mà đề nghị vẫn đang mở",
        f"{CALL}; chưa có trả lời thì ghi kết thúc đề nghị, có trả lời muộn thì nhập ở trang của đề nghị.",
        rows.open_in_a_closed_campaign,
    ),
    Rule(
        "wrong_place",
        "Đề nghị nằm ở nơi khác với nơi giữ mối liên hệ trong sổ, và không việc sắp xếp nào giải thích",
        "Nơi công tác mở trang Cần xử lý, gửi lại đúng nơi; hoặc sửa nơi cư trú trong sổ.",
        rows.astray,
    ),
    Rule(
        "without_owner",
        "Đề nghị chưa trả lời nằm ở đơn vị đã kết thúc hoạt động",
        "Ghi sắp xếp tổ chức cho biết đơn vị nào tiếp nhận, hoặc nơi công tác gửi lại đề nghị.",
        rows.without_owner,
    ),
    Rule(
        "without_letter",
        "Đề nghị đã đi mà không có công văn phát hành",
        "Nơi công tác trình ký lại công văn của đề nghị này.",
        rows.without_letter,
    ),
    Rule(
        "miscounted",
        "Số đề nghị của đợt khác với số đồng chí ghi trong công văn",
        "So danh sách của công văn với các đề nghị theo công văn đó; gọi bộ phận kỹ thuật.",
        rows.miscounted,
    ),
    Rule(
        "declined_without_reason",
        "Đề nghị chuyển lại mà lý do không có trong bộ quy định",
        "Đảng ủy nơi cư trú chuyển lại với lý do đúng; gọi bộ phận kỹ thuật.",
        rows.unknown_reason,
    ),
    Rule(
        "confirmed_by_writer",
        "Người viết nhận xét tự xác nhận",
        "Đảng ủy mở lại nhận xét để cán bộ khác xác nhận.",
        rows.confirmed_by_writer,
    ),
    Rule(
        "confirmed_without_form",
        "Nhận xét đã xác nhận mà không có phiếu phát hành",
        "Đảng ủy mở lại nhận xét rồi xác nhận lại; gọi bộ phận kỹ thuật.",
        rows.confirmed_without_form,
    ),
    Rule(
        "returned_without_reason",
        "Nhận xét bị đề nghị bổ sung mà lý do không có trong bộ quy định",
        "Đảng ủy gọi chi bộ nói rõ cần bổ sung điều gì; gọi bộ phận kỹ thuật.",
        rows.returned_without_code,
    ),
    Rule(
        "text_about_own",
        "Có người soạn, gửi, nhập hoặc xác nhận nhận xét về chính mình hay người thân đã khai",
        "Đảng ủy mở lại nhận xét để người khác làm.",
        rows.text_on_own,
    ),
    Rule(
        "request_about_own",
        "Có người trả lời hoặc ghi sử dụng nhận xét về chính mình hay người thân đã khai",
        "Cấp ủy giao cán bộ khác làm lại bước đó.",
        rows.request_on_own,
    ),
    Rule(
        "without_number",
        "Văn bản đã phát hành mà không có số",
        "Văn thư ghi số vào sổ công văn đi; gọi bộ phận kỹ thuật.",
        rows.without_number,
    ),
    Rule(
        "without_file",
        "Văn bản đã phát hành mà chưa lập được bản in",
        "Xem trang Thư chưa gửi được và tiến trình nền; sửa nguyên nhân rồi gửi lại.",
        rows.without_file,
    ),
    Rule(
        "damaged_file",
        "Tệp văn bản không đủ độ dài hoặc thiếu mã kiểm tra",
        "Khôi phục tệp từ bản sao lưu gần nhất.",
        rows.damaged_file,
    ),
    Rule(
        "nothing_to_send",
        "Văn bản đã phát hành mà không có thư nào gửi đi",
        "In và gửi văn bản, báo đơn vị nhận; gọi bộ phận kỹ thuật.",
        rows.undelivered_paper,
    ),
    Rule(
        "sent_without_proof",
        "Thư ghi là đã gửi mà không có máy chủ nào nhận, không ai giao nhận",
        "Hỏi đơn vị nhận; chưa nhận được thì gửi lại và ghi giao nhận.",
        rows.sent_without_proof,
    ),
    Rule(
        "unexplained_number",
        "Sổ công văn có số bị bỏ trống hoặc trùng mà không ghi lý do",
        "Văn thư mở sổ công văn đi, ghi số dùng ngoài hệ thống hoặc để trống, kèm lý do.",
        rows.unexplained_numbers,
    ),
    Rule(
        "not_reminded",
        "Đơn vị có việc đã đến ngày nhắc mà không ai được nhắc",
        "Xem tiến trình nền; lần nhắc sau sẽ gộp, cần gấp thì gọi điện.",
        rows.unreminded,
    ),
    Rule(
        "two_places",
        "Một đồng chí giữ mối liên hệ ở hai nơi trong cùng thời gian",
        "Nơi công tác sửa ngày bắt đầu, kết thúc của nơi cư trú.",
        partial(rows.overlap, Placement),
    ),
    Rule(
        "two_workplaces",
        "Một đồng chí sinh hoạt ở hai chi bộ nơi công tác trong cùng thời gian",
        "Nơi công tác sửa ngày bắt đầu, kết thúc ở chi bộ cũ.",
        partial(rows.overlap, Membership),
    ),
    Rule(
        "must_not_be_kept",
        "Có thể là người thuộc diện không được lưu trong sổ (hướng dẫn 33, mục 1.2)",
        "Nơi công tác xem ngay; đúng là diện này thì xóa theo quy định về dữ liệu cá nhân.",
        partial(rows.never_kept, Membership, "position"),
    ),
    Rule(
        "must_not_be_kept_at_residence",
        "Nơi giữ mối liên hệ ghi lý do miễn không được lưu trong sổ (hướng dẫn 33, mục 1.2)",
        "Nơi công tác xem ngay; đúng là diện này thì xóa theo quy định về dữ liệu cá nhân.",
        rows.exempt_unlawfully,
    ),
    Rule(
        "seat_outside_life",
        "Nhiệm vụ được phân công trước khi đơn vị thành lập hoặc sau khi đơn vị kết thúc",
        "Mở trang Nhiệm vụ của đơn vị, sửa ngày hoặc kết thúc nhiệm vụ.",
        rows.seat_outside_life,
    ),
    Rule(
        "wrong_path",
        "Vị trí của tổ chức trong cây không khớp với cấp trên trực tiếp",
        "Không sắp xếp tổ chức này nữa; gọi bộ phận kỹ thuật.",
        rows.wrong_path,
    ),
)
BY_CODE = {rule.code: rule for rule in RULES}


def found() -> Iterator[tuple[Rule, list[int]]]:
    """Rule after rule with the rows that break it."""
    for rule in RULES:
        yield rule, rule.broken()


def inspect(told: Callable[[Rule, list[int]], None] = lambda rule, ids: None) -> Inspection:
    """Ask every rule and keep what was found; the log holds numbers only."""
    started_at, broken = timezone.now(), {}
    for rule, ids in found():
        told(rule, ids)
        if ids:
            log.error("rule %s is broken by %d rows", rule.code, len(ids))
            broken[rule.code] = ids
    return Inspection.keep(broken, started_at)


def named(broken: dict[str, Any]) -> Iterable[tuple[Rule, int, list[int]]]:
    """(rule, how many rows, the ids that were kept) of a kept inspection; a rule that is no more says nothing."""
    return [(rule, broken[rule.code]["count"], broken[rule.code]["ids"]) for rule in RULES if rule.code in broken]
