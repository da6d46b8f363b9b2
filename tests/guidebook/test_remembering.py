"""A text is read once while it is remembered; what is remembered is bounded by its length."""

from goaround_guidebook.remembering import Remembered


def test_what_was_made_of_a_text_is_found_under_the_same_name() -> None:
    kept: Remembered[str] = Remembered(100)
    kept.keep("a text", "one.yaml", "its guide")
    assert kept.find("a text", "one.yaml") == "its guide"
    assert kept.find("a text", "other.yaml") is None, "faults and warnings name the file"
    assert kept.find("another text", "one.yaml") is None


def test_what_was_asked_for_least_lately_makes_room() -> None:
    kept: Remembered[int] = Remembered(30)
    for number, letter in enumerate("abc"):
        kept.keep(letter * 10, "guide", number)
    assert kept.find("a" * 10, "guide") == 0
    kept.keep("d" * 10, "guide", 3)
    assert [kept.find(letter * 10, "guide") for letter in "abcd"] == [0, None, 2, 3]


def test_many_small_texts_are_kept_and_few_large_ones() -> None:
    small: Remembered[int] = Remembered(1000)
    large: Remembered[int] = Remembered(1000)
    for number in range(100):
        small.keep(f"{number:010}", "guide", number)
        large.keep(f"{number:0400}", "guide", number)
    assert sum(small.find(f"{n:010}", "guide") is not None for n in range(100)) == 100
    assert [n for n in range(100) if large.find(f"{n:0400}", "guide") is not None] == [98, 99]


def test_a_text_that_is_kept_again_takes_no_more_room() -> None:
    kept: Remembered[int] = Remembered(20)
    kept.keep("a" * 10, "guide", 1)
    for again in range(5):
        kept.keep("b" * 10, "guide", again)
    assert (kept.find("a" * 10, "guide"), kept.find("b" * 10, "guide")) == (1, 4)


def test_a_text_that_is_longer_than_all_that_may_be_kept_is_not_kept() -> None:
    kept: Remembered[int] = Remembered(20)
    kept.keep("a" * 21, "guide", 1)
    assert kept.find("a" * 21, "guide") is None
