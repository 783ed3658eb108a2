"""The settings in force for a process of the running side."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from data.config.catalogue import Catalogue
from data.config.reading import DocumentReader, load_at_start, load_settings, store_address
from data.errors import StoreClosed
from data.model.masking import mask_log_also, secret_mask
from data.model.secrets import Secrets
from data.ports.store import Store
from data.sql.engine import store_url
from data.sql.store import open_store
from data.stored import settings_versions
from data.stored.settings_versions import InForce, assigned, settings_in_force
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions


def document_reader(options: RunOptions, catalogue: Catalogue | None = None) -> DocumentReader:
    """What reads stored documents with the keys of this machine, which `options` bears whatever version it is of."""
    return DocumentReader(options.settings, catalogue or load_catalogue(), options.secrets, options.base_dir)


class SettingsFollower(settings_versions.SettingsFollower):
    """Follows the settings from those that the process was started with.

    In a loop: `if (settings := follower.changed()) is not None: ...`. A process that begins calls `settle` first,
    since its options may be of an older version. Close it before the store.
    """

    def __init__(self, store: Store, options: RunOptions, catalogue: Catalogue | None = None) -> None:
        workers = assigned(options.settings, options.workers)
        start = InForce(options.settings, options.version, workers, options.version)
        super().__init__(store, document_reader(options, catalogue), start)
        self._options = options
        self.tell(self._learn_secrets)

    def _learn_secrets(self, found: InForce) -> None:
        """Keys in addresses that were not known at the start are kept out of the log and of the store, too."""
        mask = secret_mask(found.settings, Secrets())
        self._options.mask.learn(mask)
        mask_log_also(mask)


def configured(config: Path, var_dir: Path, store: str = "") -> RunOptions:
    """The settings of config.yaml; with `config: screen` only the machine's keys, since the others are in the store.

    Raises ConfigError.
    """
    settings, secrets = load_at_start(config, load_catalogue())
    base = config.resolve().parent
    inference = settings.inference.model_copy(update={"cache_dir": base / settings.inference.cache_dir})
    return RunOptions(
        settings=settings.model_copy(update={"inference": inference}),
        secrets=secrets,
        base_dir=base,
        var_dir=var_dir.resolve(),
        store_url=store or store_address(settings.store, secrets),
    )


def as_it_would_run(options: RunOptions, config: Path) -> RunOptions:
    """The options with the settings in force, for a command beside the running system; changes nothing.

    Of a store that is not there yet, or holds no version, those of the file. Raises ConfigError, StoreClosed.
    """
    if options.settings.config == "file":
        return options
    url = store_url(options.store)
    if url.get_backend_name() != "sqlite" or Path(str(url.database)).exists():
        with closing(open_store(options.store, migrate=False, mask=options.mask)) as store:
            try:
                found = settings_in_force(store, document_reader(options))
            except SQLAlchemyError as error:
                raise StoreClosed(
                    "the store is of an earlier version: start once, which brings it up to date"
                ) from error
        if found.version:
            return with_settings(options, found)
    settings, _ = load_settings(config, load_catalogue())
    return replace(options, settings=settings.model_copy(update={"inference": options.settings.inference}))


def with_settings(options: RunOptions, found: InForce) -> RunOptions:
    """The options of a process that continues with these settings."""
    return replace(options, settings=found.settings, version=found.version, workers=found.workers)
