"""Pages from templates: what stands in a name is text."""

from facesql.page import ShownFace, ShownPair, render


def test_names_are_text_and_pictures_are_data() -> None:
    assert ShownFace("a.jpg", "a").source is None
    assert ShownFace("a.jpg", "a", b"\xff\xd8").source == "data:image/jpeg;base64,/9g="
    pair = ShownPair(ShownFace("<b>/1.jpg", "<b>"), ShownFace('"/2.jpg', '"', b"\xff\xd8"), 0.12345, "a & b")
    page = _pairs([pair])
    assert "&lt;b&gt;/1.jpg" in page
    assert "<b>" not in page
    assert 'alt="Face of &#34; in &#34;/2.jpg"' in page
    assert "0.123" in page
    assert "a &amp; b" in page
    assert "no picture" in page


def test_a_page_has_a_title_that_is_text() -> None:
    page = render("base.html", title="<script>")
    assert "<title>&lt;script&gt;</title>" in page
    assert "<script>" not in page


def _pairs(pairs: list[ShownPair]) -> str:
    return render("contact.html", title="Pairs", pairs=pairs, note="")
