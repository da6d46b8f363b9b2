"""Migrations in files: every layout tells the same migrations, and strange files are named."""

import pytest

from goaround_migrating import Kind, classify
from goaround_migrating.tools import LAYOUTS, Layout, LayoutError, Script, pending, up_to, way_back

UP = [
    "CREATE TABLE a (id int);",
    "ALTER TABLE a ADD COLUMN note text;",
    "CREATE INDEX i ON a (id);",
]
DOWN = ["DROP TABLE a;", "ALTER TABLE a DROP COLUMN note;", None]
NAMES = ["make_a", "add_note", "index"]


def marked(up_mark: str, down_mark: str) -> dict[str, str]:
    files = {"seeds.yaml": "not: sql"}
    for number, (name, up, down) in enumerate(zip(NAMES, UP, DOWN, strict=True), 1):
        back = f"{down_mark}\n{down}\n" if down else f"{down_mark}\n-- nothing to do\n"
        files[f"{number:04}_{name}.sql"] = f"-- a note\n{up_mark}\n{up}\n\n{back}"
    return files


def paired(up: str, down: str, width: int = 4) -> dict[str, str]:
    files = {"README.md": "how to write them"}
    for number, (name, sql, back) in enumerate(zip(NAMES, UP, DOWN, strict=True), 1):
        files[up.format(number=f"{number:0{width}}", name=name)] = sql
        if back is not None:
            files[down.format(number=f"{number:0{width}}", name=name)] = back
    return files


FOLDERS = {
    "pairs": paired("{number}_{name}.up.sql", "{number}_{name}.down.sql"),
    "flyway": paired("V{number}__{name}.sql", "U{number}__{name}.sql"),
    "dbmate": marked("-- migrate:up transaction:false", "-- migrate:down"),
    "goose": marked("-- +goose Up\n-- +goose StatementBegin", "-- +goose Down"),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


def told(layout: Layout) -> tuple[Script, ...]:
    return layout.scripts(dict(reversed(FOLDERS[layout.name].items())))


@layouts
def test_a_folder_tells_its_migrations_oldest_first(layout: Layout) -> None:
    found = told(layout)
    assert [s.version for s in found] == ["0001", "0002", "0003"]
    assert [s.name for s in found] == NAMES
    assert [classify(s.up).statements[0].sql + ";" for s in found] == UP
    assert [s.down and classify(s.down).statements[0].sql + ";" for s in found] == DOWN
    assert all(s.source in FOLDERS[layout.name] for s in found)
    assert all(s.down_source in FOLDERS[layout.name] for s in found[:2])
    assert found[2].down_source == ""


@layouts
def test_a_place_in_a_script_is_a_place_in_its_file(layout: Layout) -> None:
    first = told(layout)[0]
    text = FOLDERS[layout.name][first.source].splitlines()
    (statement,) = classify(first.up).statements
    assert text[statement.line - 1] == UP[0]


@layouts
def test_what_is_pending_is_what_is_not_applied(layout: Layout) -> None:
    scripts = told(layout)
    assert pending(scripts, []).scripts == scripts
    assert [s.version for s in pending(scripts, ["0001", "2"]).scripts] == ["0003"]
    assert pending(scripts, ["1", "2", "3"]).scripts == ()


def test_what_is_late_or_strange_is_named() -> None:
    found = pending(told(LAYOUTS["pairs"]), ["0002", "0009"])
    assert [s.version for s in found.scripts] == ["0001", "0003"]
    assert found.late == ("0001", "0003")
    assert found.strange == ("0009",)


def test_a_tool_that_notes_one_version_has_applied_all_before_it() -> None:
    scripts = told(LAYOUTS["pairs"])
    assert up_to(scripts, None) == ()
    assert up_to(scripts, "2") == ("0001", "2")
    assert [s.version for s in pending(scripts, up_to(scripts, "2")).scripts] == ["0003"]


def test_versions_are_ordered_as_numbers() -> None:
    files = {"V1.10__c.sql": "", "V1.9__b.sql": "", "V1__a.sql": "", "V2_1__d.sql": ""}
    assert [s.version for s in LAYOUTS["flyway"].scripts(files)] == ["1", "1.9", "1.10", "2.1"]


def test_the_way_back_is_newest_first_and_none_where_one_is_missing() -> None:
    scripts = told(LAYOUTS["pairs"])
    assert way_back(scripts) is None
    back = way_back(scripts[:2])
    assert back is not None
    assert [s.kind for s in classify(back).statements] == [Kind.LOSSY, Kind.LOSSY]
    assert back.index("DROP COLUMN") < back.index("DROP TABLE")


@pytest.mark.parametrize(
    ("layout", "files", "words"),
    [
        ("pairs", {"3_a.down.sql": ""}, ("3_a.down.sql", "without its up", "write 3_a.up.sql")),
        ("pairs", {"note.sql": ""}, ("note.sql", "neither an up nor a down", "0003_add_note")),
        ("pairs", {"3_a.up.sql": "", "03_b.up.sql": ""}, ("version", "3_a.up.sql", "03_b.up.sql")),
        ("flyway", {"R__views.sql": ""}, ("R__views.sql", "no way back")),
        ("flyway", {"U2__a.sql": ""}, ("U2__a.sql", "without its migration")),
        ("flyway", {"V2__a.sql": "", "V2.0__b.sql": ""}, ("V2__a.sql", "V2.0__b.sql")),
        ("flyway", {"V2__a.sql": "", "V2__b.sql": ""}, ("V2__a.sql", "V2__b.sql")),
        ("flyway", {"2__a.sql": ""}, ("2__a.sql", "V1.2__add_note.sql")),
        ("dbmate", {"2_a.sql": "CREATE TABLE a ();"}, ("2_a.sql", "0 marks of an up")),
        ("goose", {"2_a.sql": "-- +goose Up\n-- +goose Up"}, ("2_a.sql", "2 marks of an up")),
        ("goose", {"a.sql": "-- +goose Up"}, ("a.sql", "no version")),
    ],
)
def test_a_file_that_cannot_be_told_is_named_with_the_next_step(
    layout: str, files: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(LayoutError) as refused:
        LAYOUTS[layout].scripts(files)
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_down_above_its_up_is_read_as_well() -> None:
    files = {"1_a.sql": "-- migrate:down\nDROP TABLE a;\n-- migrate:up\nCREATE TABLE a ();\n"}
    (found,) = LAYOUTS["dbmate"].scripts(files)
    assert (found.up.strip(), found.down and found.down.strip()) == (
        "CREATE TABLE a ();",
        "DROP TABLE a;",
    )
