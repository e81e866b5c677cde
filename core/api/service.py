"""What all requests of one process share: settings, open store, model in use, line for the computing."""

import logging
import threading
from dataclasses import dataclass, field

from core import unexpected
from core.api.pieces_of_library import LibraryReader
from core.audio import encoding, synthetic
from core.errors import CoreError, ModelError
from core.file_names import CHAMPION
from core.models.description import ModelDescription, describe_alias, describe_model_in_use
from core.monitoring.collector import Figures
from core.monitoring.families import Value
from core.pipeline import scoring, serving
from core.pipeline.serving import Served
from core.pipeline.work_queue import WorkQueue, shared_queue
from core.settings import Settings
from core.store import Store, close_store, open_store

PATIENCE_S = 8.0  # a call waits this long for another writer; its caller waits, too
_LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Service:
    """What all requests of one process share. Thread-safe.

    Parameters
    ----------
    ready
        The model is loaded, and what must be compiled is compiled.
    stopping
        The server ends: work that has begun is finished, all other work is refused.
    fault
        Why the model cannot be loaded; empty otherwise.
    arriving
        Bytes of the bodies that are arriving or wait for their work.
    library
        Reads the library.
    figures
        The figures for Prometheus.
    """

    settings: Settings
    ready: bool = False
    stopping: bool = False
    fault: str = ""
    arriving: int = 0
    library: LibraryReader = field(default_factory=LibraryReader)
    figures: Figures = field(init=False)
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _loading: threading.Lock = field(default_factory=threading.Lock)  # takes seconds; the store must not wait for it
    _store: Store | None = None
    _served: tuple[object, Served] | None = None

    def __post_init__(self) -> None:
        self.figures = Figures(
            self.settings,
            store=lambda: self.store().for_program(),
            of_process=self._figures_of_process,
        )

    def _figures_of_process(self) -> list[Value]:
        return [
            Value("tme_ready", (), float(self.ready and not self.stopping)),
            Value("tme_waiting_requests", ("waiting",), self.queue.waiting()),
            Value("tme_waiting_requests", ("running",), self.queue.running()),
        ]

    @property
    def queue(self) -> WorkQueue:
        """The line in which clips wait for the processor, the same for pages and API."""
        return shared_queue(self.settings)

    def store(self) -> Store:
        """Return the store of the program itself. Raises StoreError while the database cannot be opened."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self.settings.database, patience_s=PATIENCE_S)
            return self._store

    def served(self) -> Served:
        """Return the model in use; another one after a promotion. Raises ModelError when there is none."""
        stamp = serving.models_stamp(self.settings)
        with self._loading:
            if self._served is None or self._served[0] != stamp:
                self._served = stamp, serving.serve(self.settings, alias=self.settings.serves)
            return self._served[1]

    def description(self) -> ModelDescription:
        """Describe the model of this server. Raises ModelError when there is none."""
        if self.settings.serves == CHAMPION:
            return describe_model_in_use(self.settings)
        model = describe_alias(self.settings.serves, settings=self.settings)
        if model is None:
            raise ModelError(f"There is no {self.settings.serves} in the registry. Train one: python -m core retrain")
        return model

    def start(self) -> None:
        """Load the model and compile what the first clip needs."""
        try:
            served = self.served()
            serving.warm_up(served)
            self._score_once(served)
        except CoreError as error:
            self.fault = str(error)
            _LOG.error("The model cannot be loaded: %s", error)
            return
        except Exception as error:
            self.fault = "The server failed while it started. Its log shows the cause."
            _LOG.error("%s", unexpected.log_entry(error, unexpected.new_reference()))
            return
        self.fault, self.ready = "", True

    def _score_once(self, served: Served) -> None:
        """Work through a synthetic clip, so that the first clip of a caller is as fast as the next ones."""
        wav = encoding.wav(synthetic.render(next(iter(synthetic.EXAMPLES.values()))))
        max_mb = self.settings.max_upload_mb
        scored, _ = scoring.score_own(
            wav, "first.wav", served, policy=served.policy, store=None, origin="demo", max_mb=max_mb
        )
        scoring.explain(scored, served)

    def close(self) -> None:
        """Close the connections to the database."""
        with self._opening:
            if self._store is not None:
                close_store(self._store)
                self._store = None
