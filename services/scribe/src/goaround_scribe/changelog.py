"""An entry put into a change log: newest first, once for each run, all else as it was.

Pure. Our entries stand between the page's introduction and its older entries, people's own among
them. Each begins with a comment that names its run: that is how a repeat is known.
"""

from goaround_scribe.outline import newline_of, outline, prose

HEADING = "# Change log"
_MARK = "<!-- goaround:run "


def marker(run_id: str) -> str:
    """The line that an entry begins with."""
    return f"{_MARK}{run_id} -->"


def holds(text: str, run_id: str) -> bool:
    """Tell whether the run is in the change log."""
    wanted, place = marker(run_id), 0
    while (place := text.find(wanted, place)) >= 0:
        start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        if text[start : end if end >= 0 else None].strip() == wanted:
            return True
        place += len(wanted)
    return False


def inserted(text: str, entry: str) -> str:
    """Return the change log with an entry put in; a page that is empty gets a heading first."""
    if not text.strip("\ufeff \t\r\n"):
        return f"{text}{HEADING}\n\n{entry}\n"
    newline = newline_of(text)
    place = _place(text)
    before, after = text[:place], text[place:]
    gap = ""
    if before and not before.endswith("\n"):
        gap = newline * 2
    elif before and not before.endswith(("\n\n", "\n\r\n")):
        gap = newline
    rest = newline * 2 if after else newline
    return before + gap + entry.replace("\n", newline) + rest + after


def _place(text: str) -> int:
    """Before our newest entry, else before the first section, else at the end."""
    section: int | None = None
    for line in prose(text):
        if line.said.lstrip().startswith(_MARK):
            return line.start
        if section is None and line.said.startswith("## "):
            section = line.start
            if text.find(_MARK, section) < 0:
                break
    if section is not None:
        return section
    end = outline(text).open_at
    return len(text) if end is None else end
