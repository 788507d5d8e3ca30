"""Reads Redis without the client library, whose import takes half a second of CPU time.

For commands that read once and end. It uses hiredis, only reads, and never retries; long-lived connections use
`streams.store.client`.
"""

from __future__ import annotations

import socket
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from streams.config.connection_checks import redis_tls_files
from streams.config.settings import Settings
from streams.config.tls import client_context

_READ_BYTES: Final = 65_536
_DEFAULT_PORT: Final = 6379
_UNAVAILABLE: Final = (
    *("NOAUTH", "WRONGPASS", "DENIED", "ERR AUTH", "ERR max number of clients"),  # access is denied
    *("LOADING", "MASTERDOWN", "BUSY ", "CLUSTERDOWN", "TRYAGAIN"),  # it may answer later
)

Answer = TypeVar("Answer")
Words = tuple[str, ...]


class NoAnswer(Exception):
    """There is no answer; each subclass is a reason."""


class StoreUnavailable(NoAnswer):
    """No Redis answered, or it denied access; the message contains its answer."""


class StoreForbids(NoAnswer):
    """Redis does not permit this to the user; the message contains its answer."""


class QuestionRefused(NoAnswer):
    """Redis cannot answer, for example because a key has another type."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Address of a store, and the user."""

    host: str
    """Host name, or the path of a socket if the port is 0."""
    port: int
    database: int
    username: str | None
    password: str | None
    is_tls: bool


def place_of(settings: Settings) -> RedisAddress:
    """Parse the address as the client library does, without options for timeouts and connection pools."""
    url = urlsplit(settings.redis_url.get_secret_value())
    options = {name: values[0] for name, values in parse_qs(url.query).items()}
    path, secret = unquote(url.path), settings.redis_password
    is_socket = url.scheme == "unix"
    return RedisAddress(
        host=path if is_socket else unquote(url.hostname or "localhost"),
        port=0 if is_socket else url.port or _DEFAULT_PORT,
        database=int(options["db"]) if "db" in options else 0 if is_socket else _database_of(path),
        username=unquote(url.username or "") or options.get("username") or settings.redis_username or None,
        password=unquote(url.password or "")
        or options.get("password")
        or (secret.get_secret_value() if secret else None),
        is_tls=url.scheme == "rediss",
    )


def _database_of(path: str) -> int:
    """Return the database number; invalid text selects none, as in the library."""
    try:
        return int(path.replace("/", ""))
    except ValueError:
        return 0


class QuickReads:
    """One connection; each call sends its command and blocks until the answer arrives.

    Args:
        settings: address of the store, the user, and the TLS files.
        timeout_seconds: of connecting, and of each wait for bytes.

    Raises:
        StoreUnavailable: from any call.
        StoreForbids: from any call.
        QuestionRefused: from any call.
    """

    def __init__(self, settings: Settings, timeout_seconds: float) -> None:
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()

    async def get(self, name: str, /) -> bytes | None:
        """Return the bytes of a string; None without the key."""
        (answer,) = self.ask([("GET", name)])
        return None if answer is None else bytes(answer)

    async def hgetall(self, name: str, /) -> dict[bytes, bytes]:
        """Return the fields of a hash; empty without the key."""
        (answer,) = self.ask([("HGETALL", name)])
        return _pairs(answer)

    def pipeline(self, transaction: bool = True) -> QuickPipeline:
        """Return a pipeline: one round trip, answered from one consistent state."""
        return QuickPipeline(self, is_transaction=transaction)

    async def aclose(self) -> None:
        """Close the connection; a further call opens it again."""
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, commands: Sequence[Words]) -> list[Any]:
        """Send commands together and return their answers in order."""
        try:
            return self._exchange(commands)
        except (OSError, ValueError, hiredis.ProtocolError) as error:
            self._close()
            raise StoreUnavailable(str(error)) from error
        except NoAnswer as error:
            self._close()  # unread answers must not be taken for those of a later question
            if isinstance(error, StoreForbids):
                raise StoreForbids(f"{error} (asked: {_spelled(commands)})") from error
            raise

    def _exchange(self, commands: Sequence[Words]) -> list[Any]:
        if self._socket is None:
            self._socket = self._connected(place_of(self._settings))
        self._socket.sendall(b"".join(_packed(words) for words in commands))
        return [self._answer(self._socket) for _ in commands]

    def _connected(self, place: RedisAddress) -> socket.socket:
        opened = _opened(place, self._timeout_seconds)
        try:
            if place.is_tls:
                context = client_context(redis_tls_files(self._settings))
                opened = context.wrap_socket(opened, server_hostname=place.host)
            self._greet(opened, place)
        except BaseException:
            opened.close()
            raise
        return opened

    def _greet(self, opened: socket.socket, place: RedisAddress) -> None:
        self._reader = hiredis.Reader()
        try:
            for words in _greetings(place):
                opened.sendall(_packed(words))
                self._answer(opened)
        except QuestionRefused as error:  # such as a database that does not exist
            raise StoreUnavailable(str(error)) from error

    def _answer(self, opened: socket.socket) -> Any:
        while (answer := self._reader.gets()) is False:
            received = opened.recv(_READ_BYTES)
            if not received:
                raise StoreUnavailable("it closed the connection")
            self._reader.feed(received)
        return _checked(answer)


def answer_of(question: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine that only calls `QuickReads`, which block and never wait for a loop; so Ctrl-C ends it at
    once."""
    try:
        question.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    question.close()
    raise RuntimeError("a question to QuickReads may await nothing else")


class QuickPipeline:
    """Collects calls for one round trip, see `QuickReads.pipeline`."""

    def __init__(self, store: QuickReads, *, is_transaction: bool) -> None:
        self._store = store
        self._is_transaction = is_transaction
        self._commands: list[Words] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._commands.clear()

    def get(self, name: str, /) -> None:
        """Same as the library's."""
        self._commands.append(("GET", name))

    def hgetall(self, name: str, /) -> None:
        """Same as the library's."""
        self._commands.append(("HGETALL", name))

    async def execute(self) -> list[Any]:
        """Return the answers in order."""
        commands, self._commands = self._commands, []
        if not self._is_transaction:
            answers = self._store.ask(commands)
        else:
            *_, answers = self._store.ask([("MULTI",), *commands, ("EXEC",)])
        answers = [_checked(answer) for answer in answers]
        return [
            _pairs(answer) if words[0] == "HGETALL" else answer for words, answer in zip(commands, answers, strict=True)
        ]


def _opened(place: RedisAddress, timeout_seconds: float) -> socket.socket:
    if place.port:
        return socket.create_connection((place.host, place.port), timeout_seconds)
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(timeout_seconds)
    try:
        opened.connect(place.host)
    except OSError:
        opened.close()
        raise
    return opened


def _greetings(place: RedisAddress) -> list[Words]:
    words: list[Words] = []
    if place.password is not None or place.username is not None:
        user = (place.username,) if place.username is not None else ()
        words.append(("AUTH", *user, place.password or ""))
    if place.database:
        words.append(("SELECT", str(place.database)))
    return words


def _packed(words: Words) -> bytes:
    return bytes(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub knows tuples of one word only


def _spelled(commands: Sequence[Words]) -> str:
    """Return the commands and keys as text, so that the message tells which rights are needed."""
    return ", ".join(" ".join(words[:2]) for words in commands if words[0] not in ("MULTI", "EXEC"))


def _checked(answer: Any) -> Any:
    if not isinstance(answer, hiredis.ReplyError):
        return answer
    said = str(answer)
    if said.startswith(("NOPERM", "EXECABORT")):
        raise StoreForbids(said)
    if said.startswith(_UNAVAILABLE):
        raise StoreUnavailable(said)
    raise QuestionRefused(said)


def _pairs(answer: Any) -> dict[bytes, bytes]:
    if isinstance(answer, Mapping):
        return dict(answer)
    return dict(zip(answer[::2], answer[1::2], strict=True))
