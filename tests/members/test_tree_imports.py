"""Lists of organisations: read, compared, written once; and the same from the command line."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.core.management import CommandError, call_command

from members.models import Organization
from members.models.communes import province_name
from members.models.tree_imports import Plan, counts, plan, write
from members.roster_table import RosterError
from members.tree_files import TreeRow, read_tree
from tests import factories
from tests.conftest import Cast


def workbook(*lines: tuple[str, ...]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, line in enumerate(lines):
        sheet.write_row(number, 0, line)
    book.close()
    return buffer.getvalue()


TREE = workbook(
    ("DANH SÁCH TỔ CHỨC ĐẢNG",),
    ("STT", "Tên tổ chức đảng", "Trực thuộc", "Loại", "Điện thoại"),
    ("1", "Chi bộ Tổ dân phố 1", "Đảng ủy phường Mẫu", "", ""),
    ("2", "Đảng ủy phường Mẫu", "", "", "0236 000 001"),
    ("3", "Chi bộ Văn phòng", "Đảng ủy phường Mẫu", "chi bộ nơi công tác", ""),
    ("4", "Đảng ủy phường An Hải", "", "", ""),
    ("5", "Chi bộ Tổ dân phố 7", "phường An Hải", "", ""),
    ("6", "Chi bộ Hoa Sen", "phường Mẫu", "", ""),
    ("7", "Chi bộ Thôn Xa", "Đảng ủy xã Không Có", "", ""),
    ("8", "Chi bộ Tổ dân phố 1", "Đảng ủy phường Mẫu", "", ""),
    ("9", "Đảng ủy Sở Vòng Một", "Đảng ủy Sở Vòng Hai", "", ""),
    ("10", "Đảng ủy Sở Vòng Hai", "Đảng ủy Sở Vòng Một", "", ""),
    ("11", "Câu lạc bộ", "", "", ""),
    ("12", "Chi bộ cơ sở Trường Mẫu", "Đảng ủy phường Mẫu", "", ""),
)


@pytest.mark.parametrize(
    ("name", "kind", "parent", "understood"),
    [
        ("Chi bộ Tổ dân phố 7", "", "", ("cell", "residence")),
        ("Chi bộ Thôn Đông", "", "Đảng ủy xã Mẫu", ("cell", "residence")),
        ("Chi bộ Phòng Hành chính", "", "", ("cell", "workplace")),
        ("Chi bộ 1", "", "Đảng ủy Sở Mẫu", ("cell", "workplace")),
        ("Chi bộ 1", "Chi bộ nơi cư trú", "Đảng ủy phường Mẫu", ("cell", "residence")),
        ("Chi bộ 1", "", "Đảng ủy phường Mẫu", ("cell", "")),
        ("Chi bộ cơ sở Trung tâm Mẫu", "", "", ("grassroots", "")),
        ("Đảng ủy bộ phận Khối Mẫu", "", "Đảng ủy Sở Mẫu", ("sectional", "")),
        ("Đảng ủy xã Mẫu", "", "", ("commune", "")),
        ("Đảng ủy Sở Mẫu", "", "", ("grassroots", "")),
        ("Đảng ủy Công ty Mẫu", "chưa dùng hệ thống", "", ("external", "")),
    ],
)
def test_kinds_are_read_from_names_and_words(name: str, kind: str, parent: str, understood: tuple[str, str]) -> None:
    (row,) = read_tree(workbook(("Tên tổ chức", "Loại", "Trực thuộc"), (name, kind, parent)), "a.xlsx")
    assert (row.kind, row.side) == understood
    assert bool(row.problem) is (understood == ("cell", ""))


@pytest.mark.django_db
def test_every_row_is_new_known_or_says_what_is_wrong(cast: Cast) -> None:
    found = plan(cast.province, read_tree(TREE, "a.xlsx"))
    said = {item.row.no - 2: (item.plan, item.problem) for item in found}
    assert [number for number, (done, _) in said.items() if done == Plan.NEW] == [1, 2, 3, 12]
    assert [number for number, (done, _) in said.items() if done == Plan.MATCHED] == [4, 5]
    assert {number: problem for number, (_, problem) in said.items() if problem} == {
        6: "Chưa rõ chi bộ nơi cư trú hay nơi công tác: ghi vào cột “Loại”.",
        7: "Không thấy tổ chức cấp trên “Đảng ủy xã Không Có” trong danh sách và trong hệ thống.",
        8: "Trùng với dòng 3.",
        9: "Các dòng trực thuộc lẫn nhau thành vòng. Sửa cột “Trực thuộc”.",
        10: "Tổ chức cấp trên (dòng 11) chưa đọc được.",
        11: "Chưa rõ loại tổ chức: ghi tên đầy đủ (Đảng ủy …, Chi bộ …) hoặc ghi vào cột “Loại”.",
    }
    assert counts(found) == {"understood": 6, "faulty": 6, "matched": 2, "new": 4}


@pytest.mark.django_db
def test_what_is_written_stands_where_it_belongs_and_only_once(cast: Cast) -> None:
    rows = read_tree(TREE, "a.xlsx")
    write(cast.province, rows, by=cast.overseer.seats.get())
    ward = Organization.objects.get(name="Đảng ủy phường Mẫu")
    assert (ward.parent, ward.area, ward.phone) == (cast.province, "phường Mẫu", "0236 000 001")
    below = Organization.objects.filter(parent=ward).order_by("search_key")
    assert [(row.name, row.side, row.path) for row in below] == [
        ("Chi bộ cơ sở Trường Mẫu", "", f"{ward.path}{below[0].pk}/"),
        ("Chi bộ Tổ dân phố 1", "residence", f"{ward.path}{below[1].pk}/"),
        ("Chi bộ Văn phòng", "workplace", f"{ward.path}{below[2].pk}/"),
    ]
    assert all(row.periods.count() == 1 and not (row.side and row.has_seal) for row in below)
    assert counts(write(cast.province, rows, by=None)) == {"understood": 6, "faulty": 6, "matched": 6, "new": 0}


@pytest.mark.django_db
def test_planning_costs_the_same_for_any_list(cast: Cast, django_assert_num_queries: Any) -> None:
    rows = [TreeRow(no, f"Chi bộ Tổ {no}", "cell", "residence", parent="An Hải") for no in range(200)]
    with django_assert_num_queries(1):
        assert counts(plan(cast.province, rows))["new"] == 200


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", workbook(("Họ và tên", "Ngày sinh"), ("A", "1980"))])
def test_a_file_that_is_no_such_list_is_refused(content: bytes) -> None:
    with pytest.raises(RosterError):
        read_tree(content, "a.xlsx")


def run(*words: str) -> tuple[str, str, int]:
    """(last line, progress, exit status)"""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as end:
        status = int(str(end.code))
    return out.getvalue().strip().splitlines()[-1], err.getvalue(), status


@pytest.mark.django_db
class TestCommands:
    def test_import_organizations(self, cast: Cast, tmp_path: Path) -> None:
        file = tmp_path / "a.xlsx"
        file.write_bytes(TREE)
        words = ("import_organizations", str(file), "--under", str(cast.province.pk))
        before = Organization.objects.count()
        last = "understood=6 faulty=6 matched=2 new=4"
        assert run(*words, "--dry-run")[::2] == (last, 1)
        assert Organization.objects.count() == before
        done = run(*words)
        assert done[::2] == (last, 1)
        assert "dòng 13: Câu lạc bộ: Chưa rõ loại tổ chức" in done[1]
        assert Organization.objects.count() == before + 4
        file.write_bytes(workbook(("Tên tổ chức",), ("Đảng ủy phường Mẫu",)))
        assert run(*words)[::2] == ("understood=1 faulty=0 matched=1 new=0", 0)

    @pytest.mark.parametrize("under", ["cell", "far_ward"])
    def test_nothing_is_done_in_the_wrong_place(self, cast: Cast, tmp_path: Path, under: str) -> None:
        with pytest.raises(CommandError) as stop:
            run("import_organizations", str(tmp_path / "none.xlsx"), "--under", str(getattr(cast, under).pk))
        assert stop.value.returncode == 2

    def test_an_unreadable_file(self, cast: Cast, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="Không mở được tệp") as stop:
            run("load_communes", str(tmp_path / "none.xlsx"))
        assert stop.value.returncode == 2

    def test_load_communes(self, cast: Cast, tmp_path: Path) -> None:
        file = tmp_path / "a.xlsx"
        file.write_bytes(
            workbook(
                ("Tỉnh, thành phố", "Tên xã, phường, đặc khu", "Địa chỉ"),
                ("Thành phố Đà Nẵng", "Phường An Hải", "Không ghi đè"),
                ("Thành phố Đà Nẵng", "Xã Hòa Vang", "Thôn 1, Hòa Vang"),
                ("Thành phố Đà Nẵng", "Đảng ủy phường Mẫu", ""),
                ("Tỉnh Quảng Mẫu", "Phường An Hải", ""),
                ("Tỉnh Quảng Mẫu", "An Hải", ""),
            )
        )
        assert run("load_communes", str(file), "--dry-run")[::2] == ("understood=4 faulty=1 matched=2 new=2", 1)
        assert not Organization.objects.filter(name="Tỉnh ủy Quảng Mẫu").exists()
        last, progress, status = run("load_communes", str(file))
        assert (last, status) == ("understood=4 faulty=1 matched=2 new=2", 1)
        assert re.search(r"dòng 6: Ghi rõ xã, phường hay đặc khu", progress)
        cast.far_ward.refresh_from_db()
        cast.ward.refresh_from_db()
        assert (cast.far_ward.address, cast.ward.address) == ("Thôn 1, Hòa Vang", "")
        other = Organization.objects.get(name="Đảng ủy phường An Hải", kind="external")
        assert (other.parent and other.parent.name, other.path) == (
            "Tỉnh ủy Quảng Mẫu",
            f"/{other.parent_id}/{other.pk}/",
        )
        assert run("load_communes", str(file))[0] == "understood=4 faulty=1 matched=4 new=0"

    def test_what_somebody_corrected_is_not_overwritten(self, cast: Cast, tmp_path: Path) -> None:
        Organization.objects.filter(pk=cast.far_ward.pk).update(address="Số 5, đã kiểm tra")
        file = tmp_path / "a.csv"
        file.write_text("Tỉnh,Xã phường,Địa chỉ\nĐà Nẵng,Xã Hòa Vang,Khác\n", "utf-8")
        run("load_communes", str(file))
        assert Organization.objects.get(pk=cast.far_ward.pk).address == "Số 5, đã kiểm tra"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Thành phố Huế", "Thành ủy Huế"),
        ("TP. Cần Thơ", "Thành ủy Cần Thơ"),
        ("Tỉnh Lào Cai", "Tỉnh ủy Lào Cai"),
        ("Lào Cai", "Tỉnh ủy Lào Cai"),
        ("Thành ủy Hà Nội", "Thành ủy Hà Nội"),
    ],
)
def test_the_committee_of_a_province(words: str, name: str) -> None:
    assert province_name(words) == name


@pytest.mark.django_db
def test_many_at_once_have_paths_and_pasts(cast: Cast) -> None:
    rows = [
        Organization(parent=cast.ward, kind="cell", side="residence", name=f"Chi bộ Tổ {number}") for number in range(3)
    ]
    assert Organization.objects.add_many(rows, factories.LONG_AGO) == 3
    made = Organization.objects.filter(name__startswith="Chi bộ Tổ ", parent=cast.ward, search_key__lt="chi bo to d")
    assert [row.path for row in made] == [f"{cast.ward.path}{row.pk}/" for row in made]
    assert {row.periods.get().search_key for row in made} == {f"chi bo to {number}" for number in range(3)}
