import pytest

from clvkit.tracking._digest import digest_of_folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "b").write_text("two")
    return tmp_path


def test_equal_folders_have_equal_digests(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "inside").mkdir()
    (other / "inside" / "b").write_text("two")
    (other / "a").write_text("one")
    assert digest_of_folder(other) == digest_of_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("One"),
        lambda folder: (folder / "a").rename(folder / "c"),
        lambda folder: (folder / "inside" / "b").rename(folder / "b"),
        lambda folder: (folder / "c").touch(),
        lambda folder: (folder / "a").unlink(),
    ],
    ids=["content", "name", "place", "more", "less"],
)
def test_any_change_shows(folder, change):
    before = digest_of_folder(folder)
    change(folder)
    assert digest_of_folder(folder) != before
