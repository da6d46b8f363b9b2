"""Guide texts to start from."""

from pathlib import Path

CHECKOUT = (Path(__file__).parent / "guides" / "checkout.yaml").read_text()
"""A full guide with everything in it."""

SMALL = """\
guide: goaround/v1
service: checkout
environments:
  staging: {vars: {base: "http://127.0.0.1:8080", region: eu}}
  prod: {vars: {base: "https://checkout.internal"}}
deploy:
  steps:
    - name: switch
      run: [./release, "{version}"]
verify:
  liveness: [{http: {url: "{vars.base}/livez"}}]
rollback:
  steps:
    - name: back
      run: [./release, "{previous.version}"]
"""


def small(old: str = "", new: str = "", more: str = "") -> str:
    """Return the small guide with one part of its text replaced, and more at its end."""
    assert old in SMALL
    return (SMALL.replace(old, new, 1) if old else SMALL) + more
