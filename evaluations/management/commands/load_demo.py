"""A slice of one province with made-up people, brought by the product's own verbs into every step of a season.

Loading twice changes nothing. The last lines on standard output are the sign-ins.
"""

import csv
import io
from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from evaluations import tasks
from evaluations.models import (
    Assessment,
    AssessmentVersion,
    Campaign,
    Document,
    EvaluationRequest,
    Introduction,
    ResidenceReport,
)
from evaluations.models.assessments import draft_assessments, submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.introduction_issue import issue as issue_introductions
from evaluations.models.introduction_issue import present_drafts
from evaluations.models.receptions import accept, assign, enter, give_back, issue_counterparts
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells, decline, register
from evaluations.rulebooks import load
from members.models import (
    ContactMeeting,
    JointReview,
    Kinship,
    Member,
    Organization,
    Placement,
    RosterImport,
    Seat,
    User,
)
from members.models.participation import record_attendance
from members.names import search_key
from members.roles import Action, Role
from members.roster import parse_roster

PASSWORD = "thu-nghiem-2026"  # noqa: S105  # printed on the first screen on purpose
LONG_AGO = date(2025, 7, 1)
WARDS = ["An Hải", "Sơn Trà", "Hải Châu", "Hòa Cường", "Thanh Khê", "An Khê", "Cẩm Lệ", "Ngũ Hành Sơn", "Liên Chiểu"]
HOMES = [*WARDS, "An Hải", "An Hải", "Sơn Trà"]  # where people live; An Hải has the most to show
CELLS_A_WARD = 4
FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Lý"]
GIVEN = ["An", "Ánh", "Bình", "Chi", "Dũng", "Đạt", "Giang", "Hà", "Hải", "Hùng", "Khoa", "Lan", "Long", "Mai", "Nam"]
GIVEN += [
    "Ân",
    "Điệp",
    "Nga",
    "Oanh",
    "Phước",
    "Quân",
    "Sơn",
    "Tâm",
    "Thủy",
    "Tuấn",
    "Uyên",
    "Vân",
    "Xuân",
    "Yến",
    "Ước",
]
STREETS = ["Đường Mẫu 1", "Đường Mẫu 2", "Đường Mẫu 3", "Đường Mẫu 4", "Đường Mẫu 5"]
# username: (words for the sign-in table, where, roles)
PEOPLE: dict[str, tuple[str, str, tuple[Role, ...]]] = {
    "canbo.so1": ("Cán bộ đảng ủy sở: nhập danh sách, soạn đợt", "so1", (Role.OFFICER,)),
    "ky.so1": ("Người ký đảng ủy sở: phát hành, nhận kết quả", "so1", (Role.SIGNER,)),
    "canbo.so2": ("Cán bộ đảng ủy sở thứ hai", "so2", (Role.OFFICER,)),
    "ky.so2": ("Người ký đảng ủy sở thứ hai", "so2", (Role.SIGNER,)),
    "vanthu.anhai": ("Văn thư đảng ủy phường: vào sổ", "An Hải", (Role.CLERK,)),
    "canbo.anhai": ("Cán bộ đảng ủy phường: phân chi bộ, xác nhận", "An Hải", (Role.OFFICER,)),
    "ky.anhai": ("Người ký đảng ủy phường: trả lời", "An Hải", (Role.SIGNER,)),
    "phuong.sontra": ("Một người giữ cả ba việc ở phường", "Sơn Trà", (Role.CLERK, Role.OFFICER, Role.SIGNER)),
    "bithu.anhai3": ("Bí thư chi bộ nơi cư trú: điểm danh, nhận xét", "An Hải/3", (Role.SECRETARY,)),
    "bithu.anhai1": ("Bí thư chi bộ đã xong việc", "An Hải/1", (Role.SECRETARY,)),
    "bithu.anhai2": ("Bí thư chi bộ đã gửi, chờ phường xác nhận", "An Hải/2", (Role.SECRETARY,)),
    "pho.anhai3": ("Phó bí thư: nhận xét thay khi bí thư vướng người thân", "An Hải/3", (Role.SECRETARY,)),
    "theodoi": ("Cán bộ theo dõi cấp tỉnh, thành phố: chỉ số liệu", "province", (Role.OVERSEER,)),
    "quantri": ("Quản trị hệ thống: hộp thư đi, báo cáo số liệu", "province", (Role.ADMINISTRATOR,)),
    "dangvien": ("Đảng viên đọc nhận xét về mình", "", ()),
}


class Command(BaseCommand):
    help = "Nạp dữ liệu trình diễn (người và số liệu đều giả định)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not User.objects.filter(username="canbo.so1").exists():
            with transaction.atomic():
                Demonstration().load()
            tasks.wake()
        width = max(map(len, PEOPLE))
        self.stdout.write(f"Mật khẩu chung để thử: {PASSWORD}")
        for username, (words, _, _) in PEOPLE.items():
            self.stdout.write(f"  {username:<{width}}  {words}")


class Demonstration:
    def __init__(self) -> None:
        self.today = timezone.localdate()
        self.year = self.today.year
        self.places: dict[str, Organization] = {}
        self.people: dict[str, User] = {}

    def load(self) -> None:
        self.build_tree()
        self.give_seats()
        self.import_rosters()
        self.last_year_without_answers()
        first = self.launch("so1")
        self.launch("so2")
        self.prepare_only("so3")
        self.play_ward(self.letter(first, "An Hải"))
        self.play_all_in_one_ward(self.letter(first, "Sơn Trà"))
        self.register_only(self.letter(first, "Hải Châu"))
        self.introduce()

    def by(self, username: str, action: Action, place: str) -> Seat:
        return User.objects.get(pk=self.people[username].pk).acting(action, self.places[place])

    # Organisations and people

    def build_tree(self) -> None:
        add = Organization.objects.add
        city = add(
            None, kind="province", name="Thành ủy Đà Nẵng", place_name="Đà Nẵng", sign_suffix="TU", since=LONG_AGO
        )
        self.places["province"] = city
        for key, name in (("so1", "Sở Mẫu Một"), ("so2", "Sở Mẫu Hai"), ("so3", "Sở Mẫu Ba")):
            self.places[key] = add(
                city,
                kind="grassroots",
                name=f"Đảng ủy {name}",
                superior_line="ĐẢNG BỘ ỦY BAN NHÂN DÂN THÀNH PHỐ ĐÀ NẴNG",
                place_name="Đà Nẵng",
                signer_name="Phạm Mẫu Ký",
                address="Số 1 Đường Mẫu 1, Đà Nẵng",
                phone="0236 000 0001",
                email=f"{key}@example.org",
                since=LONG_AGO,
            )
        for ward in WARDS[:-1]:
            self.places[ward] = self._commune(city, ward, "phường", "commune")
            for number in range(1, CELLS_A_WARD + 1):
                self.places[f"{ward}/{number}"] = add(
                    self.places[ward],
                    kind="cell",
                    side="residence",
                    name=f"Chi bộ Tổ dân phố {number}",
                    signer_name=f"{FAMILY[number]} Mẫu Thư",
                    since=LONG_AGO,
                )
        self.places[WARDS[-1]] = self._commune(city, WARDS[-1], "phường", "external")
        self.places["Hòa Vang"] = self._commune(city, "Hòa Vang", "xã", "external")

    def _commune(self, city: Organization, locality: str, unit: str, kind: str) -> Organization:
        return Organization.objects.add(
            city,
            kind=kind,
            unit=unit,
            locality=locality,
            name=f"Đảng ủy {unit} {locality}",
            superior_line="ĐẢNG BỘ THÀNH PHỐ ĐÀ NẴNG",
            signer_name="Lê Mẫu Ký",
            phone="0236 000 0002",
            contact="Cán bộ Ban Xây dựng Đảng",
            email=f"{search_key(locality).replace(' ', '')}@example.org" if kind == "commune" else "",
            address=f"Trụ sở Đảng ủy {unit} {locality}, Đà Nẵng",
            since=LONG_AGO,
        )

    def give_seats(self) -> None:
        for place, (username, (_, where, roles)) in enumerate(PEOPLE.items()):
            name = f"{FAMILY[place]} Mẫu {GIVEN[-place]}"
            email = f"{username}@example.org"
            self.people[username] = User.objects.create_user(username, PASSWORD, full_name=name, email=email)
            for role in roles:
                Seat.objects.create(
                    user=self.people[username],
                    organization=self.places[where],
                    role=role,
                    from_on=LONG_AGO,
                    as_deputy=username.startswith("pho."),
                )

    def import_rosters(self) -> None:
        """Three lists as offices have them, through the same import that an officer uses."""
        for place, (key, count) in enumerate((("so1", 120), ("so2", 70), ("so3", 10))):
            roster = parse_roster(roster_csv(count, place * 7), "danh-sach.csv", today=self.today)
            seat = self.acting_for(key, Action.KEEP_ROSTER)
            RosterImport.objects.stage(self.places[key], roster, "danh-sach.csv", by=seat).commit(by=seat)

    def acting_for(self, key: str, action: Action) -> Seat:
        """Sở Mẫu Ba is small: its officer is a colleague from the second office, seated for the purpose."""
        username = {"so3": "canbo.so2"}.get(key, f"canbo.{key}")
        if key == "so3":
            Seat.objects.get_or_create(
                user=self.people[username], organization=self.places[key], role=Role.OFFICER, from_on=LONG_AGO
            )
        return self.by(username, action, key)

    # The season

    def campaign(self, key: str, year: int, start: date) -> Campaign:
        return Campaign.objects.create(
            committee=self.places[key],
            year=year,
            self_criticism_on=start,
            due_on=start - timedelta(days=load().due_before_s),
            prepared_by=self.acting_for(key, Action.PREPARE),
        )

    def launch(self, key: str, year: int | None = None, on: date | None = None) -> Campaign:
        on = on or self.today - timedelta(days=12)
        campaign = self.campaign(key, year or self.year, on + timedelta(days=load().send_before_s))
        campaign.present(by=self.acting_for(key, Action.PREPARE))
        campaign.issue(NumberChoice(), by=self.by(f"ky.{key}", Action.SIGN, key), on=on)
        return Campaign.objects.get(pk=campaign.pk)

    def last_year_without_answers(self) -> None:
        campaign = self.launch("so2", self.year - 1, date(self.year - 1, 10, 5))
        campaign.close(by=self.by("ky.so2", Action.SIGN, "so2"))

    def prepare_only(self, key: str) -> None:
        campaign = self.campaign(key, self.year, self.today + timedelta(days=40))
        campaign.present(by=self.acting_for(key, Action.PREPARE))

    def letter(self, campaign: Campaign, ward: str) -> Document:
        return Document.objects.get(campaign=campaign, recipient=self.places[ward], genre=Document.Genre.REQUEST_LETTER)

    def play_ward(self, letter: Document) -> None:
        """An Hải: every step at once, so that each of its people finds work."""
        register(letter, "31", by=self.by("vanthu.anhai", Action.REGISTER, "An Hải"))
        matters = list(letter.requests.select_related("placement").order_by("pk"))
        away, waiting, rest = matters[:1], matters[1:3], matters[3:]
        officer = self.by("canbo.anhai", Action.ASSIGN, "An Hải")
        decline(EvaluationRequest.objects.filter(pk__in=[row.pk for row in away]), "not_resident", "", by=officer)
        assign_to_cells({row: self.as_written("An Hải", row) for row in rest}, by=officer)
        assert waiting
        self.declare_household()
        for number in (1, 2, 3):
            self.play_cell(f"An Hải/{number}", f"bithu.anhai{number}", leave=0 if number < 3 else 2)
        confirm = self.by("canbo.anhai", Action.CONFIRM, "An Hải")
        for version in self.submitted("An Hải/1"):
            version.confirm(by=confirm)
        self.submitted("An Hải/3")[0].send_back(
            "vague", "Nêu rõ sự việc, thời gian; nội dung hiện còn chung chung.", by=confirm
        )
        issue_reply(letter, NumberChoice(), by=self.by("ky.anhai", Action.REPLY, "An Hải"), on=self.today)
        self.receive_some(letter)

    def declare_household(self) -> None:
        """The last by name of cell 3 is the secretary's wife or husband; the cells of Sơn Trà have no secretary."""
        of_cell = Placement.objects.active().of_cell(self.places["An Hải/3"])
        spouse = list(of_cell)[-1].member
        Kinship.objects.declare(
            spouse, self.people["bithu.anhai3"], "spouse", by=self.by("bithu.anhai3", Action.WRITE, "An Hải/3")
        )

    def as_written(self, ward: str, matter: EvaluationRequest) -> Organization:
        """ "Tổ dân phố 3" goes to the cell that leads it."""
        return self.places[f"{ward}/{matter.placement.cell_as_written.split()[-1]}"]

    def play_cell(self, cell: str, username: str, leave: int) -> None:
        """Attendance, the joint meeting, ratings for all but the last `leave`, and the submission."""
        place = self.places[cell]
        seat = self.by(username, Action.RECORD, cell)
        placements = list(Placement.objects.active().of_cell(place))
        for held_on in self.meeting_days():
            meeting = ContactMeeting.objects.create(cell=place, held_on=held_on, theme="Gặp mặt", recorded_by=seat)
            statuses = {row.pk: ("present", "present", "excused")[row.pk % 3] for row in placements}
            record_attendance(meeting, statuses, by=seat)
        rows = draft_assessments(place, self.year)
        for position, row in enumerate(islice(rows, len(rows) - leave)):
            assessment, _ = Assessment.objects.get_or_create(placement=row.placement, year=self.year)
            assessment.write(*self.words(position), by=self.by(username, Action.WRITE, cell))
        review = JointReview.objects.create(
            cell=place,
            year=self.year,
            held_on=self.today - timedelta(days=3),
            attendees=[
                {"side": "cell", "name": f"{FAMILY[1]} Mẫu Thư", "position": "Bí thư chi bộ"},
                {"side": "front", "name": "Đinh Mẫu Trận", "position": "Trưởng ban công tác Mặt trận"},
            ],
            recorded_by=seat,
        )
        submit_complete(place, self.year, review, by=self.by(username, Action.SUBMIT, cell))

    def meeting_days(self) -> list[date]:
        earlier = max(date(self.year, 1, 2), self.today - timedelta(days=160))
        return sorted({earlier, max(earlier, self.today - timedelta(days=20))})

    def words(self, position: int) -> tuple[dict[str, Any], str]:
        """Ratings that differ from person to person, words where the form demands them."""
        answers = {
            criterion.code: {"option": (position + place) % 2, "no_basis": False, "facts": ""}
            for place, criterion in enumerate(load().criteria)
        }
        answers["recommendation"] = {"option": 0 if position % 5 == 0 else 1, "no_basis": False, "facts": ""}
        remarks = ""
        if position % 4 == 3:
            answers["community_activity"]["option"] = 2
            remarks = "Hai lần tổng vệ sinh khu dân cư (tháng 4, tháng 9) đều vắng, đã được chi ủy trao đổi trực tiếp."
        if position % 6 == 5:
            reason = "Đi công tác dài ngày, chi ủy ít có dịp tiếp xúc."
            answers["contact_and_opinions"] = {"option": None, "no_basis": True, "facts": reason}
        return answers, remarks

    def submitted(self, cell: str) -> list[AssessmentVersion]:
        waiting = AssessmentVersion.objects.awaiting_confirmation().filter(
            assessment__placement__cell=self.places[cell]
        )
        return list(waiting.order_by("pk"))

    def receive_some(self, letter: Document) -> None:
        answered = list(letter.requests.filter(state="answered").order_by("pk"))
        seat = self.by("ky.so1", Action.RECEIVE, "so1")
        for matter in answered[::2]:
            matter.receive(by=seat)
        member = Member.objects.get(pk=answered[0].member_id)
        User.objects.filter(username="dangvien").update(member=member, full_name=member.full_name)

    def play_all_in_one_ward(self, letter: Document) -> None:
        """Sơn Trà: registered and assigned; the cells have not begun."""
        register(letter, "08", by=self.by("phuong.sontra", Action.REGISTER, "Sơn Trà"))
        matters = list(letter.requests.select_related("placement").order_by("pk"))
        chosen = {row: self.as_written("Sơn Trà", row) for row in matters}
        assign_to_cells(chosen, by=self.by("phuong.sontra", Action.ASSIGN, "Sơn Trà"))

    def register_only(self, letter: Document) -> None:
        seat = Seat.objects.create(
            user=self.people["vanthu.anhai"],
            organization=self.places["Hải Châu"],
            role=Role.CLERK,
            from_on=LONG_AGO,
            acting=True,
            acting_paper="Giao phụ trách tạm thời, văn bản mẫu số 01",
        )
        register(letter, "112", by=seat)

    def introduce(self) -> None:
        """Introductions of the first office at every step; some wait for the signer, one came back."""
        committee, officer = self.places["so1"], self.acting_for("so1", Action.PREPARE)
        signer = self.by("ky.so1", Action.SIGN, "so1")
        homes = Placement.objects.current().filter(member__in=Member.objects.in_committee(committee).values("pk"))
        for ward, count in (("An Hải", 9), ("Sơn Trà", 3), ("Ngũ Hành Sơn", 2)):
            chosen = homes.filter(commune=self.places[ward]).order_by("pk").values("pk")[:count]
            Introduction.objects.draft_all(homes.filter(pk__in=list(chosen.values_list("pk", flat=True))), by=officer)
        present_drafts(committee, by=officer)
        issue_introductions(committee, NumberChoice(), by=signer, on=self.today - timedelta(days=60))
        rows = list(Introduction.objects.filter(commune=self.places["An Hải"]).listed())
        clerk = self.by("vanthu.anhai", Action.REGISTER, "An Hải")
        enter(Introduction.objects.filter(pk__in=[row.pk for row in rows[1:]]), {}, by=clerk)
        assign(dict.fromkeys(rows[4:], self.places["An Hải/3"]), by=self.by("canbo.anhai", Action.ASSIGN, "An Hải"))
        secretary = self.by("bithu.anhai3", Action.RECORD, "An Hải/3")
        received = Introduction.objects.filter(pk__in=[row.pk for row in rows[6:]])
        accept(received, self.today - timedelta(days=5), by=secretary)
        issue_counterparts(
            self.places["An Hải"], by=self.by("ky.anhai", Action.REPLY, "An Hải"), only=[row.pk for row in rows[7:]]
        )
        away = Introduction.objects.select_related("placement", "workplace").get(pk=rows[3].pk)
        give_back(away, "not_resident", "", by=self.by("canbo.anhai", Action.ASSIGN, "An Hải"))
        later = homes.filter(commune=self.places["Hải Châu"]).order_by("pk").values_list("pk", flat=True)[:3]
        Introduction.objects.draft_all(homes.filter(pk__in=list(later)), by=officer)
        present_drafts(committee, by=officer)
        ResidenceReport.lives_here(
            self.places["An Hải/3"], "Lý Mẫu Cư Trú", 1979, "Sở Mẫu Hai", "Thuê nhà từ tháng 3", by=secretary
        )


def roster_csv(count: int, shift: int) -> bytes:
    """A made-up list in the columns that offices use; some rows of class (b), one admitted lately."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["STT", "Họ và tên", "Giới tính", "Ngày sinh", "Ngày vào Đảng", "Ngày chính thức", "Chức vụ", "Chi bộ"]
        + ["Số nhà, đường", "Tổ dân phố/thôn", "Phường/xã", "Điện thoại", "Ghi chú"]
    )
    today = timezone.localdate()
    for number in range(1, count + 1):
        spread = number + shift
        family = FAMILY[(spread + spread // 15) % len(FAMILY)]
        middle = ("Văn Mẫu", "Thị Mẫu")[spread % 2]
        given = GIVEN[(spread * 7 + spread // 30 + shift) % len(GIVEN)]
        ward = "Xã Hòa Vang" if spread % 13 == 0 else f"Phường {HOMES[spread % len(HOMES)]}"
        joined = today - timedelta(days=60) if number == 2 else date(1995 + spread % 27, 1 + spread % 12, 3)
        official = "" if number == 2 else f"{joined:%d/%m}/{joined.year + 1}"
        writer.writerow(
            [
                number,
                f"{family} {middle} {given}",
                ("Nam", "Nữ")[spread % 2],
                f"{1 + spread % 28:02d}/{1 + spread % 12:02d}/{1966 + spread % 8}",
                f"{joined:%d/%m/%Y}",
                official,
                ("Chuyên viên", "Trưởng phòng", "Kế toán", "Văn thư")[spread % 4],
                f"Chi bộ {1 + spread % 6}",
                f"{spread} {STREETS[spread % len(STREETS)]}",
                f"Tổ dân phố {1 + spread % CELLS_A_WARD}",
                ward,
                f"09000{spread:05d}",
                "Miễn sinh hoạt nơi cư trú: đi học tập trung 12 tháng" if number % 17 == 0 else "",
            ]
        )
    return out.getvalue().encode()
