"""Facts of made-up documents: the tests render them, and so does the gallery of forms."""

from typing import Any

WORKPLACE_HEAD = {
    "superior": "ĐẢNG BỘ UBND THÀNH PHỐ ĐÀ NẴNG",
    "issuer": "ĐẢNG ỦY SỞ XÂY DỰNG",
    "sign": "CV/ĐU",
    "place": "Hải Châu",
}
COMMUNE_HEAD = {
    "superior": "ĐẢNG BỘ THÀNH PHỐ ĐÀ NẴNG",
    "issuer": "ĐẢNG ỦY PHƯỜNG AN HẢI",
    "sign": "CV/ĐU",
    "place": "An Hải",
}
CELL_HEAD = {"superior": "ĐẢNG BỘ PHƯỜNG AN HẢI", "issuer": "CHI BỘ TỔ DÂN PHỐ 7", "place": "An Hải"}

SECRETARY = {"authority": "T/M ĐẢNG ỦY", "position": "BÍ THƯ", "name": "Nguyễn Văn Mẫu"}
DEPUTY = {"authority": "T/M ĐẢNG ỦY", "position": "PHÓ BÍ THƯ", "name": "Trần Thị Ví Dụ"}

# Every letter of the alphabet with every mark, so that a font or an encoding that lacks one is caught.
ALL_LETTERS = (
    "aàáảãạ ăằắẳẵặ âầấẩẫậ bcdđ eèéẻẽẹ êềếểễệ ghiìíỉĩị klmn oòóỏõọ ôồốổỗộ ơờớởỡợ pqrst uùúủũụ ưừứửữự vxyỳýỷỹỵ "
    "AÀÁẢÃẠ ĂẰẮẲẴẶ ÂẦẤẨẪẬ BCDĐ EÈÉẺẼẸ ÊỀẾỂỄỆ GHIÌÍỈĨỊ KLMN OÒÓỎÕỌ ÔỒỐỔỖỘ ƠỜỚỞỠỢ PQRST UÙÚỦŨỤ ƯỪỨỬỮỰ VXYỲÝỶỸỴ"
)


def request_row(no: int, name: str = "Lê Thị Thử Nghiệm") -> dict[str, Any]:
    return {
        "no": no,
        "name": name,
        "birth": "18/7/1976" if no % 2 else "1976",
        "sex": "Nữ" if no % 2 else "Nam",
        "position": "Chuyên viên" if no % 3 else "",
        "workplace_cell": "Chi bộ Văn phòng Sở",
        "residence": f"Tổ {no}, phường An Hải",
    }


REQUEST_LETTER: dict[str, Any] = {
    "head": WORKPLACE_HEAD,
    "signature": SECRETARY,
    "recipients": ["Như trên", "Lưu Văn phòng Đảng ủy"],
    "abstract": "đề nghị nhận xét đảng viên đang công tác tại nơi cư trú năm 2026",
    "to": "Đảng ủy phường An Hải",
    "basis": [
        "Căn cứ Quy định số 213-QĐ/TW, ngày 02 tháng 01 năm 2020 của Bộ Chính trị về trách nhiệm của đảng viên đang "
        "công tác thường xuyên giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú",
        "Căn cứ Quy định số 366-QĐ/TW, ngày 30 tháng 8 năm 2025 của Bộ Chính trị",
    ],
    "year": 2026,
    "purpose_text": "kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026",
    "period": {"from": "2026-01-01", "to": "2026-11-30"},
    "due_on": "2026-11-15",
    "reply_to": {
        "name": "Văn phòng Đảng ủy Sở Xây dựng",
        "address": "số 00 đường Ví Dụ, phường Hải Châu, thành phố Đà Nẵng",
        "phone": "0236 000 0000",
        "email": "vanphong@example.vn",
    },
    "rows": [request_row(no) for no in range(1, 6)],
}

ASSESSMENT_FORM: dict[str, Any] = {
    "head": CELL_HEAD,
    "signature": {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": "Phạm Văn Giả Định"},
    "confirmation": {
        "authority": "XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI",
        "line": "Ngày 12 tháng 11 năm 2026",
        "position": "PHÓ BÍ THƯ",
        "name": "Trần Thị Ví Dụ",
    },
    "member": {
        "name": "Lê Thị Thử Nghiệm",
        "birth": "18/7/1976",
        "sex": "Nữ",
        "joined_on": "2004-02-03",
        "workplace": "Sở Xây dựng thành phố Đà Nẵng",
        "workplace_cell": "Chi bộ Văn phòng Sở",
        "position": "Chuyên viên",
        "residence": "Tổ 7, phường An Hải, thành phố Đà Nẵng",
    },
    "year": 2026,
    "purpose_text": "kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026",
    "review": {
        "held_on": "2026-11-10",
        "cell": ["Bí thư Phạm Văn Giả Định", "Phó Bí thư Hồ Thị Thí Dụ"],
        "front": ["Trưởng ban Võ Văn Minh Họa"],
    },
    "criteria": [
        {
            "no": 1,
            "text": "Nêu gương về phẩm chất chính trị, đạo đức, lối sống; vai trò tiền phong, gương mẫu",
            "options": ["Nêu gương tốt", "Nêu gương", "Chưa nêu gương"],
            "chosen": 0,
            "no_basis": False,
            "facts": "",
        },
        {
            "no": 2,
            "text": "Thực hiện nghĩa vụ công dân; vận động gia đình, nhân dân",
            "options": ["Gương mẫu đi đầu", "Gương mẫu", "Chưa gương mẫu"],
            "chosen": 1,
            "no_basis": False,
            "facts": "",
        },
        {
            "no": 3,
            "text": "Tham gia đầy đủ, nghiêm túc các cuộc họp định kỳ và các cuộc họp khác do cấp ủy nơi cư trú triệu "
            "tập; các cuộc họp của nhân dân nơi cư trú",
            "options": ["Tham gia đầy đủ", "Tham gia chưa đầy đủ", "Không tham gia"],
            "chosen": 1,
            "no_basis": False,
            "facts": "",
        },
        {
            "no": 4,
            "text": "Giữ mối liên hệ; tham gia ý kiến, phản ánh ý kiến nhân dân",
            "options": ["Thường xuyên, tích cực", "Thường xuyên", "Chưa thường xuyên"],
            "chosen": 1,
            "no_basis": False,
            "facts": "",
        },
        {
            "no": 5,
            "text": "Tham gia phong trào, hoạt động ở khu dân cư",
            "options": ["Rất tích cực", "Tích cực", "Chưa tích cực"],
            "chosen": None,
            "no_basis": True,
            "facts": "",
        },
    ],
    "recommendation": {
        "text": "Đề nghị",
        "options": ["Biểu dương", "Không đề nghị", "Xem xét xử lý"],
        "chosen": 1,
    },
    "attendance": {
        "held": 2,
        "present": 1,
        "excused": 1,
        "absent": 0,
        "lines": ["15/5/2026: có mặt", "20/10/2026: vắng có lý do"],
    },
    "remarks": "",
    "no_basis_reasons": [{"no": 5, "reason": "mới chuyển về tổ dân phố từ tháng 10 năm 2026"}],
    "labels": [],
}

REPLY_LETTER: dict[str, Any] = {
    "head": COMMUNE_HEAD,
    "signature": DEPUTY,
    "recipients": ["Như trên", "Các chi bộ tổ dân phố", "Lưu Văn phòng Đảng ủy"],
    "to": "Đảng ủy Sở Xây dựng",
    "abstract": "gửi kết quả nhận xét đảng viên tại nơi cư trú năm 2026",
    "reference": {"number": "12-CV/ĐU", "issued_on": "2026-10-05"},
    "year": 2026,
    "rows": [
        {
            "no": 1,
            "name": "Lê Thị Thử Nghiệm",
            "birth": "18/7/1976",
            "workplace_cell": "Chi bộ Văn phòng Sở",
            "cell": "Chi bộ tổ dân phố 7",
            "result": "Phiếu nhận xét kèm theo",
            "listed_no": 4,
        },
        {
            "no": 2,
            "listed_no": 9,
            "name": "Hoàng Văn Làm Mẫu",
            "birth": "1981",
            "workplace_cell": "Chi bộ Quy hoạch",
            "cell": "",
            "result": "Chuyển lại: không cư trú tại địa bàn",
        },
    ],
    "counts": {"asked": 4, "answered": 2, "before": 1, "declined": 1, "declined_now": 1, "remaining": 1},
    "enclosures": 1,
    "is_numbered": True,
    "partial": {"round": 1, "now": 1},
    "corrects": [],
}

REPORT: dict[str, Any] = {
    "head": WORKPLACE_HEAD | {"sign": "BC/ĐU"},
    "signature": SECRETARY,
    "recipients": ["Ban Tổ chức Đảng ủy UBND thành phố", "Các chi bộ trực thuộc", "Lưu Văn phòng Đảng ủy"],
    "title": "BÁO CÁO",
    "abstract": "kết quả lấy ý kiến nhận xét của cấp ủy nơi cư trú năm 2026",
    "to": "",
    "period": {"from": "2026-10-01", "to": "2026-11-23"},
    "sections": [
        {
            "heading": "Đảng viên thuộc diện giữ mối liên hệ với nơi cư trú",
            "rows": [
                {"label": "Tổng số đảng viên đang công tác", "value": 120, "share": None},
                {"label": "Đã giới thiệu về nơi cư trú", "value": 114, "share": 95},
                {"label": "Được miễn sinh hoạt nơi cư trú", "value": 6, "share": 5},
            ],
        },
        {
            "heading": "Kết quả lấy ý kiến",
            "rows": [
                {"label": "Đã đề nghị nhận xét", "value": 112, "share": 100},
                {"label": "Đã nhận được nhận xét", "value": 98, "share": 87.5},
                {"label": "Trả lời sau thời hạn", "value": 7, "share": 6.25},
            ],
        },
        {"heading": "Thông tin có dấu hiệu vi phạm", "rows": []},
    ],
    "stages": [
        {"words": "chi bộ đang nhận xét", "count": 14},
        {"words": "đã trả lời", "count": 98},
    ],
    "by_commune": [
        {
            "name": "Đảng ủy phường An Hải",
            "asked": 30,
            "registered": 30,
            "at_cell": 30,
            "answered": 28,
            "declined": 1,
            "silent": 1,
            "stages": [{"words": "chi bộ đang nhận xét", "count": 2}, {"words": "đã trả lời", "count": 28}],
        },
        {
            "name": "Đảng ủy phường Ngũ Hành Sơn",
            "asked": 82,
            "registered": 80,
            "at_cell": 75,
            "answered": 70,
            "declined": 2,
            "silent": 10,
            "stages": [{"words": "chi bộ đang nhận xét", "count": 12}, {"words": "đã trả lời", "count": 70}],
        },
    ],
    "distribution": [
        {
            "criterion": "Nêu gương về phẩm chất chính trị, đạo đức, lối sống",
            "counts": [
                {"option": "Nêu gương tốt", "count": 40},
                {"option": "Nêu gương", "count": 56},
                {"option": "Chưa nêu gương", "count": 1},
            ],
            "no_basis": 1,
        },
        {
            "criterion": "Tham gia phong trào, hoạt động ở khu dân cư",
            "counts": [
                {"option": "Rất tích cực", "count": 0},
                {"option": "Tích cực", "count": 0},
                {"option": "Chưa tích cực", "count": 0},
            ],
            "no_basis": 98,
        },
    ],
    "remarks": ["Đa số đảng viên tham gia sinh hoạt nơi cư trú nghiêm túc; 10 đồng chí chưa có ý kiến của nơi cư trú."],
}

SAMPLES: dict[str, dict[str, Any]] = {
    "request_letter": REQUEST_LETTER,
    "assessment_form": ASSESSMENT_FORM,
    "reply_letter": REPLY_LETTER,
    "report": REPORT,
}
