"""One entry of the address book."""

from collections.abc import Mapping
from typing import Any

from django import forms

from members.forms.text import Line
from members.models import Organization
from members.models.address_book import ADDRESS_FIELDS


class AddressForm(forms.Form):
    address = Line(
        label="Địa chỉ",
        max_length=250,
        required=False,
        help_text="Số nhà, đường, xã (phường), tỉnh (thành phố), như ghi trên bì thư.",
    )
    phone = Line(label="Điện thoại", max_length=40, required=False)
    email = forms.EmailField(label="Hộp thư công vụ", required=False)
    contact = Line(
        label="Cán bộ đầu mối", max_length=120, required=False, help_text="Họ tên và chức vụ người nhận giấy tờ."
    )

    def __init__(self, organization: Organization, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={name: getattr(organization, name) for name in ADDRESS_FIELDS})
