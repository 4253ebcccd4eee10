"""Pages about people, organisations and life at residence."""

from django.urls import path

from members.views import (
    address_book,
    history,
    kinships,
    participation,
    people,
    roster,
    roster_columns,
    seats,
    sign_in,
    signatories,
    slips,
)
from members.views import address_book, history, participation, people, roster, roster_columns, signatories, tree
    signatories,
    tree,
    tree_imports,
)

app_name = "members"
urlpatterns = [
    path("dang-vien/", people.member_list, name="member_list"),
    path("dang-vien/<int:member_id>/", people.member_page, name="member_page"),
    path("the-thuc-ky/<int:organization_id>/", signatories.signatories, name="signatories"),
    path("the-thuc-ky/<int:organization_id>/<int:signatory_id>/thoi/", signatories.retire, name="signatory_retire"),
    path("cua-toi/nguoi-than/", kinships.own, name="kinships_own"),
    path("dang-vien/<int:member_id>/nguoi-than/", kinships.of_member, name="kinships_of_member"),
    path("chi-bo/<int:cell_id>/nguoi-than/", kinships.of_cell, name="kinships_of_cell"),
    path("nguoi-than/<int:kinship_id>/go/", kinships.end, name="kinship_end"),
    path("nhiem-vu/", seats.organizations, name="seat_list"),
    path("nhiem-vu/<int:organization_id>/", seats.page, name="seats"),
    path("nhiem-vu/<int:organization_id>/phan-cong/", seats.give, name="seat_give"),
    path("nhiem-vu/ky/<int:seat_id>/", seats.tenure, name="seat_tenure"),
    path("mo-tai-khoan/", slips.enter, name="slip_enter"),
    path("mo-tai-khoan/thiet-lap/", slips.set_up, name="slip_set_up"),
    path("tai-khoan/cach-dang-nhap/<int:way_id>/bo/", sign_in.remove, name="way_remove"),
    path("tai-khoan/phien/", sign_in.sessions, name="sessions"),
    path("tai-khoan/phien/ket-thuc/", sign_in.end_others, name="sessions_end"),
    path("lich-su/", history.history, name="history"),
    path("dang-vien/nhap/", roster.upload, name="roster_upload"),
    path("dang-vien/nhap/<int:import_id>/", roster.review, name="roster_review"),
    path("dang-vien/nhap/<int:import_id>/cot/", roster_columns.columns, name="roster_columns"),
    path("dang-vien/nhap/tieu-de/<int:heading_id>/thoi-nho/", roster_columns.forget, name="roster_forget"),
    path("dang-vien/nhap/<int:import_id>/dua-vao-so/", roster.commit, name="roster_commit"),
    path("to-chuc/", tree.tree, name="organizations"),
    path("to-chuc/<int:organization_id>/", tree.organization_page, name="organization_page"),
    path("to-chuc/<int:organization_id>/nhap/", tree_imports.upload, name="tree_upload"),
    path("to-chuc/nhap/<int:import_id>/", tree_imports.review, name="tree_review"),
    path("to-chuc/nhap/<int:import_id>/dua-vao/", tree_imports.commit, name="tree_commit"),
    path("danh-ba/", address_book.entries, name="address_book"),
    path("danh-ba/<int:organization_id>/", address_book.correct, name="address_correct"),
    path("chi-bo/<int:cell_id>/diem-danh/<int:year>/", participation.attendance, name="attendance"),
    path("chi-bo/<int:cell_id>/diem-danh/<int:year>/luu-tam/", participation.attendance_draft, name="attendance_draft"),
    path("chi-bo/<int:cell_id>/cuoc-hop/<int:year>/", participation.add_meeting, name="add_meeting"),
    path("chi-bo/<int:cell_id>/hop-mat-tran/<int:year>/", participation.joint_review, name="joint_review"),
]
