"""Requests in CSV, whose text says nothing of the types of its columns: the model does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from io import BytesIO, StringIO
from typing import Any

import pandas as pd

from clvkit.serving._clv_model import CLVModel
from clvkit.serving._learning import transaction_columns

__all__ = ["TypedCSV", "read_csv_request", "text_columns"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_PARQUET = b"application/vnd.apache.parquet"


def text_columns(model: CLVModel) -> list[str]:
    """Return the columns that held text in training: customers, attributes and covariates."""
    types = {transaction_columns(model)[0]: model.customer_type_}
    types |= model.attribute_types_ | model.covariate_types_
    return [name for name, kind in types.items() if kind == "string"]


def read_csv_request(text: str, names: Collection[str]) -> pd.DataFrame:
    """Return the table of a CSV, with the named columns as they are written.

    Of these ``001`` is not ``1``, and ``NA`` is a name; nothing at all is a missing value. The
    types of the other columns are those that pandas finds.

    Raises
    ------
    ValueError
        If it is no CSV, or if its rows are longer than its header.
    """
    frame = pd.read_csv(StringIO(text), low_memory=False)
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError("the rows have more fields than the header names")
    held = [name for name in frame.columns if name in names]
    if not held:
        return frame
    written = pd.read_csv(
        StringIO(text), usecols=held, dtype="str", keep_default_na=False, na_values=[""]
    )
    # A row of nothing but empty fields is a row in both: only blank lines are skipped.
    return frame.assign(**{name: written[name] for name in held})


class TypedCSV:
    """An ASGI middleware that hands CSV on as Parquet, which keeps the types of its columns.

    Parameters
    ----------
    app : ASGI application
    text : collection of str
        Columns to be read as text.
    """

    def __init__(self, app: Any, text: Collection[str]) -> None:
        self._app = app
        self._text = text

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer a request."""
        if not _is_csv(scope):
            await self._app(scope, receive, send)
            return
        body = await _body_of(receive)
        try:
            parquet = await asyncio.to_thread(_as_parquet, body, self._text)
        except Exception as error:  # the reader raises what it likes
            await _refuse(send, f"the request is no CSV with a header and rows: {error}")
            return
        kept = [pair for pair in scope["headers"] if pair[0] not in _OF_THE_BODY]
        length = str(len(parquet)).encode()
        headers = [*kept, (b"content-type", _PARQUET), (b"content-length", length)]
        await self._app({**scope, "headers": headers}, _handing(parquet, receive), send)


#: Headers that tell of the body, which is exchanged.
_OF_THE_BODY = (b"content-type", b"content-length", b"transfer-encoding")


def _is_csv(scope: _Message) -> bool:
    """Whether it is a CSV; of other character sets MLflow tells that it reads none."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    mime, *rest = (part.strip() for part in kind.split(";"))
    return mime == "text/csv" and all(part.lower() == "charset=utf-8" for part in rest)


def _as_parquet(body: bytes, names: Collection[str]) -> bytes:
    held = BytesIO()
    read_csv_request(body.decode(), names).to_parquet(held, index=False)
    return held.getvalue()


async def _body_of(receive: _Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _handing(body: bytes, receive: _Receive) -> _Receive:
    """Return what hands the body on first, and then what else comes."""
    waiting: list[_Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def hand() -> _Message:
        return waiting.pop() if waiting else await receive()

    return hand


async def _refuse(send: _Send, message: str) -> None:
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
