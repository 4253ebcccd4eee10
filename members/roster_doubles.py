"""The same person twice in one list. Compared anew whenever a row is corrected or skipped."""

from collections.abc import Iterable

from members.names import search_key
from members.roster_values import RosterValues

Finding = tuple[str, str]


def doubles(rows: Iterable[tuple[int, RosterValues]]) -> dict[int, list[Finding]]:
    """Row number → (field, sentence). The field is "twin" where it is only a question.

    The same name is common; only name, birth and admission together, or the card, are the same person.
    """
    people: dict[tuple[str, str, str], int] = {}
    cards: dict[str, int] = {}
    named: dict[str, list[tuple[int, RosterValues]]] = {}
    found: dict[int, list[Finding]] = {}
    for number, values in rows:
        name, card = search_key(values["full_name"]), search_key(values["card_no"]).replace(" ", "")
        if card and cards.setdefault(card, number) != number:
            sentence = f"Số thẻ đảng viên trùng với dòng {cards[card]}; đề nghị kiểm tra lại."
            found.setdefault(number, []).append(("card_no", sentence))
        if not name:
            continue
        if values["birth_date"] and values["joined_on"]:
            first = people.setdefault((name, values["birth_date"], values["joined_on"]), number)
            if first != number:
                sentence = f"Trùng với dòng {first} (cùng họ tên, ngày sinh, ngày vào Đảng); đề nghị bỏ một dòng."
                found.setdefault(number, []).append(("full_name", sentence))
                continue
        if twin := next((other for other, known in named.get(name, []) if _could_be_same(known, values)), None):
            sentence = f"Cùng họ tên với dòng {twin} và chưa đủ ngày để phân biệt; có phải một người không?"
            found.setdefault(number, []).append(("twin", sentence))
        named.setdefault(name, []).append((number, values))
    return found


def _could_be_same(one: RosterValues, other: RosterValues) -> bool:
    pairs = [
        (one["birth_year"], other["birth_year"]),
        (one["birth_date"], other["birth_date"]),
        (one["joined_on"], other["joined_on"]),
    ]
    return all(a is None or b is None or a == b for a, b in pairs)
