"""What every source promises, as tests: subclass a contract, say what its stage is, run pytest.

    class TestMine(MetricSourceContract):
        @asynccontextmanager
        async def stage(self) -> AsyncGenerator[MetricStage]:
            async with my_provider() as provider:
                yield MyStage(provider)

The watcher's own sources pass the same. Needs no plug-in of pytest's, nor pytest itself to be
imported: a test that does not apply to a source is skipped in the way of the standard library.
"""

from goaround_watcher.conformance.contract import Stage
from goaround_watcher.conformance.logs import LogSourceContract, LogStage
from goaround_watcher.conformance.metrics import MetricSourceContract, MetricStage

__all__ = ["LogSourceContract", "LogStage", "MetricSourceContract", "MetricStage", "Stage"]
