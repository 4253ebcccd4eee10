"""Who may do what: the whole table on one page. Pure data; imports nothing of ours.

A role is held *at an organisation* (a Seat). Each of its grants names an action, the side it is done on and how far
down the tree it reaches. Rights of a person are the union of the grants of the seats held today.
"""

from dataclasses import dataclass

from django.db.models import TextChoices


class Side(TextChoices):
    WORKPLACE = "workplace", "Nơi công tác"
    RESIDENCE = "residence", "Nơi cư trú"
    PLATFORM = "platform", "Hệ thống"


class Depth(TextChoices):
    OWN = "own", "Tổ chức mình"
    BELOW = "below", "Tổ chức mình và cấp dưới"
    UNDER = "under", "Chỉ cấp dưới"
    FIGURES = "figures", "Chỉ xem số liệu"


class Action(TextChoices):
    # Workplace side
    SEE_MEMBERS = "see_members", "Xem danh sách đảng viên"
    KEEP_ROSTER = "keep_roster", "Nhập, cập nhật danh sách đảng viên"
    PREPARE = "prepare", "Soạn đợt lấy ý kiến"
    SIGN = "sign", "Ký, phát hành"
    LEAD_SEASON = "lead_season", "Đặt mùa lấy ý kiến, phát hành cho cấp dưới"
    RECEIVE = "receive", "Nhận, đọc kết quả nhận xét"
    EXPORT = "export", "Xuất báo cáo"
    # Both sides
    KEY = "key", "Nhập kết quả từ bản giấy"
    KEEP_SIGNATORIES = "keep_signatories", "Giữ thể thức ký"
    SCAN = "scan", "Quét phiếu, văn bản giấy"
    # Residence side
    SEE_RESIDENTS = "see_residents", "Xem đảng viên giữ mối liên hệ"
    REGISTER = "register", "Vào sổ công văn đến"
    ASSIGN = "assign", "Phân về chi bộ"
    CONFIRM = "confirm", "Xác nhận, đề nghị bổ sung"
    REPLY = "reply", "Phát hành công văn trả lời"
    RECORD = "record", "Ghi sổ điểm danh"
    WRITE = "write", "Soạn nhận xét"
    SHARE = "share", "Phân công theo dõi"
    SUBMIT = "submit", "Gửi nhận xét lên đảng ủy"
    STAND_IN = "stand_in", "Nhận xét thay chi bộ"
    # Both sides
    KEEP_ADDRESSES = "keep_addresses", "Giữ danh bạ"
    CALL = "call", "Gọi điện nhắc việc"
    APPOINT = "appoint", "Phân công nhiệm vụ"
    HAND_OUT = "hand_out", "Cấp phiếu mở tài khoản"
    KEEP_CELLS = "keep_cells", "Lập, sắp xếp chi bộ"
    KEEP_BOOK = "keep_book", "Giữ sổ công văn"
    # Platform
    ORGANIZE = "organize", "Sắp xếp tổ chức đảng"
    SEE_FIGURES = "see_figures", "Xem số liệu tổng hợp"
    CONFIGURE = "configure", "Cấu hình hệ thống"
    AUDIT = "audit", "Kiểm tra lịch sử"
    KEEP_DATA = "keep_data", "Thực hiện yêu cầu về dữ liệu cá nhân, lập danh mục tiêu hủy"
    APPROVE_DATA = "approve_data", "Phê duyệt tiêu hủy hồ sơ"


@dataclass(frozen=True)
class Grant:
    action: Action
    side: Side
    depth: Depth


# Whoever may do one of these anywhere signs in with a passkey, or with a password and a code of his own telephone.
GUARDED = frozenset(
    {
        Action.SIGN,
        Action.LEAD_SEASON,
        Action.CONFIRM,
        Action.REPLY,
        Action.EXPORT,
        Action.SUBMIT,
        Action.STAND_IN,
        Action.APPOINT,
        Action.HAND_OUT,
    }
)


class Role(TextChoices):
    SECRETARY = "secretary", "Bí thư chi bộ"
    CELL_COMMITTEE = "cell_committee", "Chi ủy viên"
    TYPIST = "typist", "Người nhập hộ"
    CLERK = "clerk", "Văn thư"
    OFFICER = "officer", "Cán bộ phụ trách"
    SIGNER = "signer", "Người ký"
    OVERSEER = "overseer", "Cán bộ theo dõi cấp trên"
    ADMINISTRATOR = "administrator", "Quản trị hệ thống"
    AUDITOR = "auditor", "Cán bộ kiểm tra lịch sử"
    DATA_OFFICER = "data_officer", "Cán bộ dữ liệu cá nhân"


def _grants(side: Side, depth: Depth, *actions: Action) -> tuple[Grant, ...]:
    return tuple(Grant(action, side, depth) for action in actions)


# A committee may stand on both sides at once (a ward committee has its own staff's cells and the residence cells), so a
# committee role carries the grants of both; which of them find anything depends on the rows, not on the role.
GRANTS: dict[Role, tuple[Grant, ...]] = {
    Role.SECRETARY: (
        *_grants(Side.WORKPLACE, Depth.OWN, Action.SEE_MEMBERS),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.SEE_RESIDENTS, Action.RECORD, Action.WRITE),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.SHARE, Action.SUBMIT),
    ),
    Role.CELL_COMMITTEE: (
        *_grants(Side.WORKPLACE, Depth.OWN, Action.SEE_MEMBERS),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.SEE_RESIDENTS, Action.RECORD, Action.WRITE),
    ),
    # Types for the secretary, who reads and sends: no share in what the committee decides.
    Role.TYPIST: _grants(Side.RESIDENCE, Depth.OWN, Action.SEE_RESIDENTS, Action.RECORD, Action.WRITE),
    Role.CLERK: (
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.SEE_MEMBERS),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.SCAN, Action.KEEP_BOOK),
        *_grants(Side.RESIDENCE, Depth.BELOW, Action.SEE_RESIDENTS),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.KEEP_ADDRESSES),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.REGISTER, Action.SCAN, Action.CALL, Action.KEEP_ADDRESSES),
    ),
    Role.OFFICER: (
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.SEE_MEMBERS, Action.KEEP_ROSTER, Action.KEEP_CELLS),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.PREPARE, Action.RECEIVE, Action.KEY, Action.SCAN),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.KEEP_SIGNATORIES, Action.KEEP_BOOK, Action.LEAD_SEASON),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.EXPORT, Action.KEEP_ADDRESSES),
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.SEE_FIGURES),
        *_grants(Side.RESIDENCE, Depth.BELOW, Action.SEE_RESIDENTS, Action.ASSIGN, Action.CONFIRM),
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.APPOINT),
        *_grants(Side.RESIDENCE, Depth.BELOW, Action.APPOINT, Action.STAND_IN),
        *_grants(
            Side.RESIDENCE, Depth.OWN, Action.REGISTER, Action.KEY, Action.SCAN, Action.CALL, Action.KEEP_ADDRESSES
        ),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.EXPORT),
        # Never for their own committee: who could let himself into the signer's account would sign.
        *_grants(Side.RESIDENCE, Depth.UNDER, Action.HAND_OUT),
    ),
    Role.SIGNER: (
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.SEE_MEMBERS),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.SIGN, Action.RECEIVE, Action.EXPORT),
        *_grants(Side.WORKPLACE, Depth.BELOW, Action.SEE_FIGURES),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.APPROVE_DATA, Action.LEAD_SEASON),
        *_grants(Side.RESIDENCE, Depth.BELOW, Action.SEE_RESIDENTS, Action.CONFIRM, Action.REPLY),
        *_grants(Side.WORKPLACE, Depth.OWN, Action.KEEP_SIGNATORIES, Action.APPOINT, Action.KEEP_BOOK),
        *_grants(Side.RESIDENCE, Depth.OWN, Action.EXPORT, Action.APPOINT),
    ),
    # Province and other superior committees see figures, never texts (design §6).
    Role.OVERSEER: (
        *_grants(Side.PLATFORM, Depth.FIGURES, Action.SEE_FIGURES),
        *_grants(Side.PLATFORM, Depth.OWN, Action.LEAD_SEASON),
        *_grants(Side.PLATFORM, Depth.BELOW, Action.APPOINT, Action.ORGANIZE, Action.KEEP_CELLS),
    ),
    Role.ADMINISTRATOR: (
        *_grants(Side.PLATFORM, Depth.FIGURES, Action.CONFIGURE, Action.SEE_FIGURES, Action.EXPORT),
        *_grants(Side.PLATFORM, Depth.BELOW, Action.APPOINT, Action.HAND_OUT, Action.ORGANIZE),
        *_grants(Side.PLATFORM, Depth.BELOW, Action.KEEP_CELLS),
    ),
    Role.AUDITOR: _grants(Side.PLATFORM, Depth.BELOW, Action.AUDIT),
    # Lists what has expired and answers requests of persons; who approves a destruction signs for the office.
    Role.DATA_OFFICER: _grants(Side.PLATFORM, Depth.BELOW, Action.KEEP_DATA),
}


# What a seat may hand out to others: what it holds itself, and the work of the cells it directs without doing it.
# Nobody grants more (`may_hand_out`).
HANDS_OUT: dict[Role, tuple[Grant, ...]] = {
    Role.OFFICER: (
        *GRANTS[Role.OFFICER],
        *_grants(Side.RESIDENCE, Depth.BELOW, Action.RECORD, Action.WRITE, Action.SHARE, Action.SUBMIT),
    ),
    Role.SIGNER: GRANTS[Role.SIGNER],
}
# A committee without anybody is opened from above, and only then: whoever works there gives its further seats.
OPENS: dict[Role, tuple[Role, ...]] = {
    Role.OVERSEER: (Role.OFFICER, Role.SIGNER, Role.CLERK),
    Role.ADMINISTRATOR: (Role.OFFICER, Role.SIGNER, Role.CLERK),
}
# The platform's own seats have no committee that could give them.
PLATFORM_ROLES = (Role.OVERSEER, Role.ADMINISTRATOR, Role.AUDITOR)


def may_hand_out(giver: Role, role: Role, *, is_own: bool) -> bool:
    """Whether every grant of `role` is within what `giver` hands out, at its own organisation or at one below."""
    return all(any(_covers(held, grant, is_own=is_own) for held in HANDS_OUT.get(giver, ())) for grant in GRANTS[role])


def _covers(held: Grant, wanted: Grant, *, is_own: bool) -> bool:
    if (held.action, held.side) != (wanted.action, wanted.side):
        return False
    return held.depth == Depth.BELOW or (is_own and wanted.depth == held.depth)
