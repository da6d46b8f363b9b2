"""The guide's reference page names every field, and its examples are guides."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from goaround_guidebook import read
from goaround_guidebook.template import NAMES
from goaround_schemas.guide import Guide

PAGE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text()


def fields(kind: Any, seen: set[type[BaseModel]]) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind in seen:
            return
        seen.add(kind)
        for name, field in kind.model_fields.items():
            yield str(field.validation_alias or name)
            yield from fields(field.annotation, seen)
    for inner in get_args(kind):
        yield from fields(inner, seen)


def test_every_field_is_on_the_page() -> None:
    known = set(fields(Guide, set()))
    assert len(known) > 80
    code = " ".join(re.findall(r"`([^`\n]+)`", PAGE))
    words = set(re.findall(r"[a-z_]+", code))
    assert known - words == set()


def test_every_template_is_on_the_page() -> None:
    for name in NAMES:
        assert f"`{{{name}}}`" in PAGE


def test_the_examples_are_guides() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for text in examples:
        assert read(text, "docs/guide.md").service == "checkout"
