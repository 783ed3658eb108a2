"""Log records as lines of text or JSON: one line each, without configured secrets, with the ids of their subjects.

Modules log with `logging.getLogger(__name__)` and bind ids (`request_id`, `alert_id`, `task_id`, `event_id`, `site`,
`unit`, `notice`) with `structlog.contextvars` while they work on something; every record in between has these ids.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from structlog.contextvars import get_contextvars
from structlog.processors import JSONRenderer, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from data.config.log import LogFormat
from data.model.masking import SecretMask

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]  # line ends and terminal sequences among them
_ONE_LINE = MappingProxyType({code: f"\\x{code:02x}" for code in _CONTROLS if code != 0x09})
_NOT_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # json itself escapes those below 0x20
_OWN_FIELDS = frozenset({"time", "level", "process", "logger", "event", "exception", "stack"})


def log_formatter(name: str, mask: SecretMask, form: LogFormat = LogFormat.TEXT) -> logging.Formatter:
    """The formatter of the process called `name`."""
    if form is LogFormat.JSON:
        return JsonFormatter(name, mask)
    return RedactingFormatter(f"%(asctime)s %(levelname)s {name} %(name)s: %(message)s", mask)


class RedactingFormatter(logging.Formatter):
    """Log lines, with tracebacks, without configured secrets and credentials in URLs.

    A record is one line, whatever its text contains; lines of a traceback are indented, so that none looks like a
    record. The bound ids are at the end of the line: `[alert_id=12 site=quay]`.
    """

    def __init__(self, form: str, mask: SecretMask) -> None:
        super().__init__(form)
        self.mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self.mask(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return (super().formatMessage(record) + _ids()).translate(_ONE_LINE)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return "\n".join(f"  {line.translate(_ONE_LINE)}" for line in super().formatException(ei).split("\n"))


class JsonFormatter(ProcessorFormatter):
    """A JSON object for each record: time (UTC), level, process, logger, event, the bound ids, exception."""

    def __init__(self, name: str, mask: SecretMask) -> None:
        self._name = name
        self.mask = mask
        super().__init__(
            processors=[format_exc_info, self._fields, JSONRenderer(ensure_ascii=False)], keep_exc_info=False
        )

    def format(self, record: logging.LogRecord) -> str:
        return _NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", super().format(record))

    def _fields(self, _logger: WrappedLogger, _method: str, given: EventDict) -> EventDict:
        """The fields, masked one by one before JSON encoding, which would change a secret that contains a quote."""
        record: logging.LogRecord = given["_record"]
        fields: EventDict = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._name,
            "logger": record.name,
            "event": self.mask(str(given["event"])),
        }
        bound = {name: value for name, value in get_contextvars().items() if name not in _OWN_FIELDS}
        fields.update({name: self.mask(value) if isinstance(value, str) else value for name, value in bound.items()})
        traces = {"exception": given.get("exception"), "stack": given.get("stack_info")}
        fields.update({name: self.mask(str(trace)) for name, trace in traces.items() if trace})
        return fields


def _ids() -> str:
    bound = get_contextvars()
    return f" [{' '.join(f'{name}={value}' for name, value in sorted(bound.items()))}]" if bound else ""
