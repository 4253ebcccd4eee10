from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from liaison.health import healthz

# Named one by one: including allauth's own list would open sign-up, e-mail and password-reset pages that nobody needs.
accounts = [
    path("dang-nhap/", account.login, name="account_login"),
    path("dang-nhap/van-tay/", login_not_required(webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("dang-nhap/buoc-hai/", login_not_required(mfa.authenticate), name="mfa_authenticate"),
    path("dang-xuat/", account.logout, name="account_logout"),
    path("ngung-hoat-dong/", account.account_inactive, name="account_inactive"),
    path("xac-thuc-lai/", account.reauthenticate, name="account_reauthenticate"),
    path("xac-thuc-lai/ma/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("xac-thuc-lai/van-tay/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("mat-khau/", account.password_change, name="account_change_password"),
    path("mat-khau/dat/", reauthentication_required(account.password_set), name="account_set_password"),
    path("cach-dang-nhap/", mfa.index, name="mfa_index"),
    path("cach-dang-nhap/van-tay/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("cach-dang-nhap/ma/", totp.activate_totp, name="mfa_activate_totp"),
    # allauth leads here whoever has an app already; taking it away is a button of the page (members/views/sign_in.py).
    path("cach-dang-nhap/ma/da-co/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_deactivate_totp"),
]

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("tai-khoan/", include(accounts)),
    path("", include("members.urls")),
    path("", include("evaluations.urls")),
]
