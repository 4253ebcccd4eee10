from allauth.account import views as account
from django.urls import include, path

from liaison.health import healthz

# Named one by one: including allauth's own list would open sign-up, e-mail and password-reset pages that nobody needs.
accounts = [
    path("dang-nhap/", account.login, name="account_login"),
    path("dang-xuat/", account.logout, name="account_logout"),
    path("ngung-hoat-dong/", account.account_inactive, name="account_inactive"),
    path("xac-thuc-lai/", account.reauthenticate, name="account_reauthenticate"),
    path("mat-khau/", account.password_change, name="account_change_password"),
]

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("tai-khoan/", include(accounts)),
    path("", include("members.urls")),
    path("", include("evaluations.urls")),
]
