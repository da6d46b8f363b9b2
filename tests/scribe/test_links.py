"""Where a reader can look further."""

import pytest

from goaround_scribe.links import artifact, dashboards

GUIDE = """\
preflight:
  dashboards:
    - {name: "a [board]", http: {url: "https://grafana.internal/d/x?orgId=1&from=now-1h"}}
    - {http: {url: "https://boards.internal/checkout"}}
    - {name: template, http: {url: "{vars.base}/metrics"}}
    - {name: reference, http: {url: "https://x/${env:TOKEN}"}}
    - {name: secret, http: {url: "https://ada:hunter2@grafana.internal/"}}
    - {name: token, http: {url: "https://grafana.internal/?api_key=abc"}}
    - {name: other, tcp: {host: db, port: 1}}
    - {name: local, http: {url: "file:///etc/passwd"}}
"""


def test_dashboards_that_stand_in_the_guide_as_they_are_become_links() -> None:
    assert dashboards(GUIDE) == (
        r"[a \[board\]](https://grafana.internal/d/x?orgId=1&from=now-1h)",
        "[https://boards.internal/checkout](https://boards.internal/checkout)",
    )


@pytest.mark.parametrize("text", ["", "a: [", "preflight: 1", "preflight: {dashboards: {a: 1}}"])
def test_a_guide_without_dashboards_has_no_links(text: str) -> None:
    assert dashboards(text) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("https://ci/x_y/(1)", "[https://ci/x_y/(1)](https://ci/x_y/%281%29)"),
        ("pkg:docker/acme/checkout@2.4.1", "pkg:docker/acme/checkout@2.4.1"),
        ("https://ada:hunter2@ci/x", "https://•••@ci/x"),
        ("https://ci/a b", "https://ci/a b"),
        ("https://ci/<x>", "[https://ci/&lt;x&gt;](https://ci/%3Cx%3E)"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://[", r"https://\["),
    ],
)
def test_an_artifact_is_a_link_where_it_is_an_address_without_a_secret(
    name: str, said: str
) -> None:
    assert artifact(name) == said
