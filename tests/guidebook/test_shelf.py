"""A directory of guides: found by service, read again when changed."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from goaround_guidebook import (
    GuideInvalid,
    NoEnvironment,
    NoGuide,
    Shelf,
    TwoGuides,
    environment_of,
    load,
)
from tests.guidebook.texts import SMALL


def of(service: str) -> str:
    return SMALL.replace("service: checkout", f"service: {service}")


def test_a_loaded_guide_is_pinned_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "checkout.yaml"
    path.write_bytes(SMALL.replace("\n", "\r\n").encode())
    loaded = load(path)
    assert loaded.text.encode() == path.read_bytes()
    assert loaded.digest == "sha256:" + sha256(path.read_bytes()).hexdigest()
    assert (loaded.name, loaded.guide.service, loaded.warnings) == (str(path), "checkout", ())


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_bytes("guide: é\nx: ".encode() + b"\xe9t\xe9\n")
    with pytest.raises(GuideInvalid) as caught:
        load(path)
    assert str(caught.value) == f"{path}:2:4: the byte 0xe9 is not UTF-8; save the file as UTF-8"


def test_a_file_of_five_megabytes_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_bytes(b"x" * 5_000_000)
    with pytest.raises(GuideInvalid, match=r"5000000 bytes are too many: .* 256 KiB"):
        load(path)


def test_a_guide_is_found_by_its_service_whatever_its_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "teams" / "a").mkdir(parents=True)
    (tmp_path / "one.yaml").write_text(of("checkout"))
    (tmp_path / "teams" / "a" / "two.yml").write_text(of("'billing'"))
    (tmp_path / "three.json.yaml").write_text(
        load(tmp_path / "one.yaml")
        .guide.model_dump_json(exclude_unset=True)
        .replace("checkout", "shipping")
    )
    shelf = Shelf(tmp_path)
    assert shelf.names() == ("billing", "checkout", "shipping")
    assert shelf.find("billing").name == "teams/a/two.yml"
    assert shelf.find("shipping").guide.service == "shipping"


def test_other_files_and_hidden_folders_are_not_guides(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "old.yaml").write_text(of("old"))
    (tmp_path / ".hidden.yaml").write_text(of("hidden"))
    (tmp_path / "notes.txt").write_text(of("notes"))
    (tmp_path / "compose.yaml").write_text("service: web\nimage: x\n")
    (tmp_path / "broken.yaml").write_text("{[")
    (tmp_path / "folder.yaml").mkdir()
    assert Shelf(tmp_path).names() == ()


def test_no_guide_says_where_what_is_there_and_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(of("checkout"))
    (tmp_path / "b.yaml").write_text(of("billing"))
    with pytest.raises(NoGuide) as caught:
        Shelf(tmp_path).find("chekout")
    assert str(caught.value) == (
        f"no guide for 'chekout' in {tmp_path}; it has billing, checkout; did you mean 'checkout'?"
    )
    nothing = tmp_path / "empty"
    nothing.mkdir()
    with pytest.raises(NoGuide, match="it has none at all"):
        Shelf(nothing).find("x")
    with pytest.raises(NoGuide, match="that is no directory"):
        Shelf(tmp_path / "gone").find("x")


def test_two_files_for_one_service_are_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(of("checkout"))
    (tmp_path / "b.yaml").write_text(of("checkout"))
    with pytest.raises(TwoGuides) as caught:
        Shelf(tmp_path).find("checkout")
    assert str(tmp_path / "a.yaml") in str(caught.value)
    assert str(tmp_path / "b.yaml") in str(caught.value)


def test_a_broken_guide_stands_in_nobody_else_s_way(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(of("checkout"))
    (tmp_path / "b.yaml").write_text(of("billing").replace("verify:", "verfy:"))
    shelf = Shelf(tmp_path)
    assert shelf.find("checkout").guide.service == "checkout"
    assert shelf.names() == ("billing", "checkout")
    with pytest.raises(GuideInvalid, match="did you mean 'verify'"):
        shelf.find("billing")


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(of("checkout"))
    shelf = Shelf(tmp_path)
    first = shelf.find("checkout")
    assert shelf.find("checkout") is first
    path.write_text(of("checkout").replace("name: switch", "name: swatch"))
    os.utime(path, ns=(1, 1))
    second = shelf.find("checkout")
    assert second.guide.deploy.steps[0].name == "swatch"
    assert second.digest != first.digest
    path.write_text(of("billing"))
    with pytest.raises(NoGuide):
        shelf.find("checkout")
    assert shelf.find("billing").guide.service == "billing"


def test_a_guide_that_is_repaired_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(of("checkout").replace("verify:", "verfy:"))
    shelf = Shelf(tmp_path)
    with pytest.raises(GuideInvalid):
        shelf.find("checkout")
    path.write_text(of("checkout"))
    assert shelf.find("checkout").guide.service == "checkout"


def test_links_in_a_circle_and_to_nowhere_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "g.yaml").write_text(of("checkout"))
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    shelf = Shelf(tmp_path)
    assert shelf.names() == ("checkout",)
    assert shelf.find("checkout").name == "a/g.yaml"


def test_an_environment_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(SMALL)
    guide = load(path).guide
    assert environment_of(guide, "prod").vars == {"base": "https://checkout.internal"}
    with pytest.raises(NoEnvironment) as caught:
        environment_of(guide, "stagin")
    assert str(caught.value) == (
        "the guide of checkout has no environment 'stagin'; it has staging, prod; "
        "did you mean 'staging'?"
    )
