"""`python -m goaround_judge`: WatchBench cases on stdin, verdicts on stdout."""

import sys

from goaround_judge.watchbench import answers


def main() -> None:
    """Answer every case on stdin, each as soon as it is read."""
    for line in answers(sys.stdin):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
