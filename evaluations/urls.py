"""Pages of the yearly round, in the order a request travels."""

from django.urls import path

from evaluations.views import (
    bundles,
    calls,
    campaigns,
    cells,
    codes,
    confirmation,
    documents,
    drafts,
    exports,
    figures,
    hand_overs,
    home,
    letters_in,
    mine,
    paper,
    printing,
    replies,
)
from evaluations.views import requests as matters

app_name = "evaluations"
urlpatterns = [
    path("", home.home, name="home"),
    # Workplace: the campaign and its answers
    path("dot/", campaigns.campaign_list, name="campaign_list"),
    path("dot/moi/<int:committee_id>/", campaigns.create, name="campaign_create"),
    path("dot/<int:campaign_id>/", campaigns.page, name="campaign_page"),
    path("dot/<int:campaign_id>/trinh-ky/", campaigns.present, name="campaign_present"),
    path("dot/<int:campaign_id>/rut-ve/", campaigns.take_back, name="campaign_take_back"),
    path("dot/<int:campaign_id>/phat-hanh/", campaigns.issue, name="campaign_issue"),
    path("dot/<int:campaign_id>/giu-so/", campaigns.reserve, name="campaign_reserve"),
    path("dot/<int:campaign_id>/ket-thuc/", campaigns.close, name="campaign_close"),
    path("dot/<int:campaign_id>/xa-phuong/<int:commune_id>/", campaigns.commune, name="campaign_commune"),
    path("dot/<int:campaign_id>/in/", printing.campaign, name="campaign_print"),
    path("dot/<int:campaign_id>/xuat/", exports.campaign, name="campaign_export"),
    path("dot/<int:campaign_id>/tien-trinh/", campaigns.progress, name="campaign_progress"),
    path("de-nghi/<int:request_id>/", matters.page, name="request_page"),
    path("de-nghi/<int:request_id>/huy/", matters.cancel, name="request_cancel"),
    # Commune
    path("cong-van-den/", letters_in.letter_list, name="letters_in"),
    path("cong-van-den/<int:document_id>/", letters_in.page, name="letter_in"),
    path("cong-van-den/<int:document_id>/vao-so/", letters_in.register, name="letter_register"),
    path("phan-chi-bo/<int:commune_id>/", letters_in.assign, name="assign"),
    path("xac-nhan/<int:commune_id>/", confirmation.waiting, name="confirm_list"),
    path("xac-nhan/ban/<int:version_id>/", confirmation.page, name="confirm_page"),
    path("xac-nhan/ban/<int:version_id>/bo-sung/", confirmation.send_back, name="send_back"),
    path("tra-loi/<int:commune_id>/", replies.due, name="replies"),
    path("tra-loi/cong-van/<int:document_id>/", replies.issue, name="reply_issue"),
    path("tra-loi/cong-van-giay/<int:incoming_id>/", replies.issue_on_paper, name="reply_issue_on_paper"),
    path("in/xa-phuong/<int:commune_id>/<int:year>/", printing.commune, name="commune_print"),
    path("in/tra-loi/<int:commune_id>/<int:year>/", printing.returns, name="returns_print"),
    path("xuat/xa-phuong/<int:commune_id>/<int:year>/", exports.commune, name="commune_export"),
    # Residence cell
    path("chi-bo/<int:cell_id>/nhan-xet/<int:year>/", cells.grid, name="cell_grid"),
    path("chi-bo/<int:cell_id>/nhan-xet/<int:year>/luu-tam/", drafts.grid, name="cell_grid_draft"),
    path("chi-bo/<int:cell_id>/nhan-xet/<int:year>/gui/", cells.submit, name="cell_submit"),
    path("chi-bo/<int:cell_id>/nhan-xet/<int:year>/dong-chi/<int:placement_id>/", cells.person, name="cell_person"),
    path("chi-bo/<int:cell_id>/in/<int:year>/", bundles.cell_print, name="cell_print"),
    path("chi-bo/<int:cell_id>/giao/<int:year>/", hand_overs.pack, name="hand_over_pack"),
    path(
        "chi-bo/<int:cell_id>/nhan-xet/<int:year>/dong-chi/<int:placement_id>/luu-tam/",
        drafts.person,
        name="cell_person_draft",
    ),
    # Paper
    path("giao-nhan/thu/<int:letter_id>/", hand_overs.letter, name="hand_over_letter"),
    path("giao-nhan/<int:hand_over_id>/hoan-lai/", hand_overs.came_back, name="hand_over_returned"),
    path("in/dia-chi/", printing.addresses, name="address_print"),
    path("q/", paper.find, name="paper_find"),
    path("q/<str:code>/", paper.follow, name="paper_code"),
    path("ban-in/<int:bundle_id>/", bundles.page, name="bundle_page"),
    path("ban-in/<int:bundle_id>/tien-trinh/", bundles.progress, name="bundle_progress"),
    path("ban-in/<int:bundle_id>/tep/", bundles.stored_file, name="bundle_file"),
    path("van-ban/<int:document_id>/tep/", documents.stored_file, name="document_file"),
    path("van-ban/<int:document_id>/xem-truoc/", documents.preview, name="document_preview"),
    path("thu/", codes.enter, name="code_enter"),
    path("thu/cong-van/", codes.letter, name="code_letter"),
    path("thu/cong-van/tep/", codes.stored_file, name="code_file"),
    # Reminders
    path("goi-dien/", calls.page, name="calls"),
    path("goi-dien/<int:letter_id>/", calls.done, name="call_done"),
    # Figures, reports, oneself
    path("so-lieu/", figures.overview, name="figures"),
    path("dot/<int:campaign_id>/bao-cao/", figures.report, name="campaign_report"),
    path("hop-thu-di/", figures.outbox, name="outbox"),
    path("cua-toi/", mine.page, name="mine"),
]
