"""The file that an archive takes: PDF/A-3a with tags, data and our fonts only; a second implementation looks too."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from evaluations.documents import DATA, render
from evaluations.gallery import BY_NAME, ISSUED_ON, LETTER_CODE, PAPER_CODE, draw
from tests.document_samples import ALL_LETTERS, SAMPLES
from tests.paper import runs

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
JAVA = Path("/usr/share/java")
JARS = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "commons-io", "javax.activation", "jaxb-api")
every = pytest.mark.parametrize("name", SAMPLES)


def opened(name: str) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(draw(BY_NAME[name], is_draft=False).content))


def attached(content: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return {name: pdf.attachments[name].get_file().read_bytes() for name in list(pdf.attachments)}


def tags(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Every element of the tag tree, parents first."""
    if isinstance(node, pikepdf.Array):
        for kid in node:
            yield from tags(kid)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        yield node
        yield from tags(node.get("/K", pikepdf.Array()))


def kids(node: pikepdf.Object) -> list[str]:
    found = node.get("/K", pikepdf.Array())
    rows = list(found) if isinstance(found, pikepdf.Array) else [found]
    return [str(kid.S) for kid in rows if isinstance(kid, pikepdf.Dictionary) and "/S" in kid]


@every
def test_it_calls_itself_archival_vietnamese_and_by_its_title(name: str) -> None:
    pdf = opened(name)
    root, meta = pdf.Root, pdf.open_metadata()

    assert (str(root.Lang), bool(root.MarkInfo.Marked)) == ("vi", True)
    assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "A")
    assert meta["dc:title"] == str(pdf.docinfo["/Title"]) != ""
    assert [str(intent.S) for intent in root.OutputIntents] == ["/GTS_PDFA1"]
    assert [key for key in ("/OpenAction", "/AA", "/AcroForm") if key in root] == []
    assert "/JavaScript" not in root.Names
    assert not pdf.is_encrypted
    assert [page for page in pdf.pages if "/Annots" in page] == []
    # No picture at all, so none of a seal or of a signature; codes are drawn in lines.
    assert [page for page in pdf.pages if list(page.get_images())] == []


@every
def test_only_our_fonts_are_in_it_as_subsets_that_know_their_letters(name: str) -> None:
    pdf = opened(name)
    fonts = {str(font.BaseFont): font for page in pdf.pages for font in dict(page.Resources.Font.items()).values()}

    for face, font in fonts.items():
        assert re.fullmatch(r"/[A-Z]{6}\+Liberation-Serif-Official(-Bold|-Italic)?", face)
        assert "/ToUnicode" in font
        assert "/FontFile2" in font.DescendantFonts[0].FontDescriptor


@every
def test_the_tag_tree_is_whole(name: str) -> None:
    pdf = opened(name)
    tree = pdf.Root.StructTreeRoot
    found = list(tags(tree.K))
    kinds = {str(node.S) for node in found}

    assert str(found[0].S) == "/Document"
    assert {"/P", "/Div"} <= kinds
    # Every page leads back into the tree.
    assert [page for page in pdf.pages if "/StructParents" not in page] == []
    assert "/ParentTree" in tree
    for node in found:
        if str(node.S) == "/Table":
            assert set(kids(node)) <= {"/THead", "/TBody", "/TR", "/Caption"}
        if str(node.S) == "/TR":
            assert set(kids(node)) <= {"/TH", "/TD"}
        if str(node.S) == "/L":
            assert set(kids(node)) <= {"/LI", "/Caption"}
        if str(node.S) == "/Figure":
            assert "/Alt" in node


@every
def test_it_carries_what_it_says_as_data(name: str) -> None:
    pdf = opened(name)

    assert list(pdf.attachments) == [DATA]
    (associated,) = pdf.Root.AF
    assert str(associated.AFRelationship) == "/Data"
    assert str(associated.EF.F.Subtype) == "/application/json"
    assert json.loads(attached(draw(BY_NAME[name], is_draft=False).content)[DATA]) == {
        "document": name,
        "number": "5" if BY_NAME[name].is_numbered else "",
        "issued_on": "2026-10-05",
        "facts": SAMPLES[name],
    }


def test_a_draft_and_a_sheet_carry_no_data() -> None:
    assert attached(draw(BY_NAME["report"], is_draft=True).content) == {}
    assert attached(draw(BY_NAME["invitation"], is_draft=False).content) == {}


def test_the_letter_code_is_not_in_the_data() -> None:
    letter = render("request_letter", SAMPLES["request_letter"], access=LETTER_CODE, check=PAPER_CODE)

    assert LETTER_CODE.code.encode() not in attached(letter.content)[DATA]


def test_text_comes_out_in_the_order_of_reading_with_every_mark() -> None:
    facts = SAMPLES["assessment_form"] | {"remarks": ALL_LETTERS}
    drawn = render("assessment_form", facts)
    text = " ".join(run.text for number in range(drawn.pages) for run in runs(drawn.content, number))
    order = [
        "ĐẢNG BỘ PHƯỜNG",
        "ĐẢNG CỘNG SẢN",
        "PHIẾU NHẬN XÉT",
        "Họ và tên:",
        "Nêu gương tốt",
        "Nhận xét khác:",
        "T/M CHI BỘ",
    ]

    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)
    assert [word for word in ALL_LETTERS.split() if word not in text] == []


def complete(content: bytes) -> bytes:
    """Namespaces repeated on every description: PDFBox 2 does not look for those declared above (stack.md §2.6)."""
    pdf = pikepdf.open(io.BytesIO(content))
    packet = pdf.Root.Metadata.read_bytes().decode()
    names = " ".join(dict.fromkeys(re.findall(r'xmlns:(?!rdf\b|x\b)\w+="[^"]+"', packet)))
    inner = re.sub(r'\s+xmlns:(?!rdf\b|x\b)\w+="[^"]+"', "", packet)
    pdf.Root.Metadata = pdf.make_stream(
        inner.replace("<rdf:Description", f"<rdf:Description {names}").encode(),
        Type=pikepdf.Name.Metadata,
        Subtype=pikepdf.Name.XML,
    )
    out = io.BytesIO()
    pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable, static_id=False)
    return out.getvalue()


@pytest.mark.skipif(
    not shutil.which("java") or not all((JAVA / f"{jar}.jar").exists() for jar in JARS),
    reason="PDFBox preflight: apt-get install libpdfbox2-java libactivation-java libjaxb-api-java",
)
def test_a_second_implementation_calls_the_older_variant_valid(tmp_path: Path) -> None:
    """PDFBox knows PDF/A-1b only: it proves fonts, colours and structure of what the same code draws as 3a."""
    paths = []
    for name, facts in SAMPLES.items():
        path = tmp_path / f"{name}.pdf"
        drawn = render(name, facts, number="5", issued_on=ISSUED_ON, check=PAPER_CODE, variant="pdf/a-1b")
        path.write_bytes(complete(drawn.content))
        paths.append(path)
    for path in paths:
        assert "is a valid PDF/A-1b file" in preflight(path)
    # And it does look: a font of the machine, or a program that runs when the file is opened, is found.
    with pikepdf.open(paths[0]) as pdf:
        font = next(iter(dict(pdf.pages[0].Resources.Font.items()).values()))
        del font.DescendantFonts[0].FontDescriptor.FontFile2
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        pdf.save(tmp_path / "broken.pdf", object_stream_mode=pikepdf.ObjectStreamMode.disable)
    said = preflight(tmp_path / "broken.pdf")
    assert "is not a valid PDF/A-1b file" in said
    assert "FontFile" in said
    assert "JavaScript" in said


def preflight(path: Path) -> str:
    classpath = ":".join(str(JAVA / f"{jar}.jar") for jar in JARS)
    call = ["java", "-Xshare:auto", "-cp", classpath, "org.apache.pdfbox.preflight.Validator_A1b", str(path)]
    found = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    return found.stdout + found.stderr
