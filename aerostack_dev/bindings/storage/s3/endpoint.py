"""From a request to its answer: the lock first, then the operation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from ....errors import AerostackError, BindingError
from ....functions.incoming import Receive, Scope, Send
from ...kind import Services
from ..backend import Backend
from ..operations import Operations
from .answers import Answer, refusal, send_answer
from .credentials import KeyPair, key_pair
from .failures import (
    ClientGoneError,
    S3Error,
    internal,
    not_implemented,
    translated,
)
from .listing import bucket_location, head_bucket, list_buckets, list_objects, list_objects_v2
from .pending import list_uploads
from .place import Call
from .reading import get_object, head_object
from .request import Request
from .signature import Authorized, authorize
from .uploads import (
    abort_upload,
    complete_upload,
    create_upload,
    list_parts,
    upload_part,
    upload_part_copy,
)
from .writing import (
    SOURCE,
    copy_object,
    delete_object,
    delete_objects,
    no_such_bucket,
    put_object,
)

Operation = Callable[[Call], Awaitable[Answer]]

OF_BUCKET: Mapping[tuple[str, str], Operation] = MappingProxyType(
    {
        ("HEAD", ""): head_bucket,
        ("GET", ""): list_objects,
        ("GET", "list-type"): list_objects_v2,
        ("GET", "location"): bucket_location,
        ("GET", "uploads"): list_uploads,
        ("POST", "delete"): delete_objects,
    }
)
OF_OBJECT: Mapping[tuple[str, str], Operation] = MappingProxyType(
    {
        ("HEAD", ""): head_object,
        ("GET", ""): get_object,
        ("PUT", ""): put_object,
        ("COPY", ""): copy_object,
        ("DELETE", ""): delete_object,
        ("POST", "uploads"): create_upload,
        ("PUT", "uploadId"): upload_part,
        ("COPY", "uploadId"): upload_part_copy,
        ("POST", "uploadId"): complete_upload,
        ("DELETE", "uploadId"): abort_upload,
        ("GET", "uploadId"): list_parts,
    }
)
"""(method, or COPY for a PUT that names a source; the subresource) -> the operation."""
SUBRESOURCES = frozenset((
    "abac", "accelerate", "acl", "analytics", "annotation", "attributes", "cors", "delete",
    "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "list-type",
    "location",
    "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy",
    "policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment", "restore",
    "retention", "select", "session", "tagging", "torrent", "uploadId", "uploads",
    "versioning", "versions", "website",
))  # fmt: skip
METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
ID_BYTES = 8

logger = logging.getLogger("aerostack.storage.s3")


class Endpoint:
    """The ASGI application behind `S3App`."""

    def __init__(
        self, backend: Backend, buckets: Mapping[str, Operations], services: Services
    ) -> None:
        self._backend = backend
        self._buckets = buckets
        self._services = services
        self._pair: KeyPair | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request_id = self._services.entropy(ID_BYTES).hex().upper()
        try:
            answer = await self._respond(request, request_id)
            await send_answer(answer, request, request_id, send)
        except ClientGoneError:
            return
        except Exception:
            logger.exception("answering %s %r failed", request.method, request.path)
            raise  # the connection is cut: the only way to say so to the client

    async def _respond(self, request: Request, request_id: str) -> Answer:
        try:
            return await self._answer(request)
        except ClientGoneError:
            raise
        except AerostackError as error:
            return refusal(_refused(error, request), request, request_id)
        except Exception:
            logger.exception("%s %r failed", request.method, request.path)
            return refusal(internal(), request, request_id)

    async def _answer(self, request: Request) -> Answer:
        pair = self._key_pair()
        now = int(self._services.clock.now() * 1000)
        authorized = authorize(request, pair, now)
        name, key = request.address
        if not name:
            if request.method != "GET":
                raise _not_allowed(request.method)
            return list_buckets(self._buckets, pair)
        return await self._operate(request, authorized, name, key)

    async def _operate(
        self, request: Request, authorized: Authorized, name: str, key: str
    ) -> Answer:
        bucket = self._find(name)
        operation = _operation(request, key, bucket is not None)
        if bucket is None:
            raise no_such_bucket(name)
        call = Call(
            request, authorized, bucket, key, self._buckets, self._backend, self._services.clock
        )
        return await operation(call)

    def _find(self, name: str) -> Operations | None:
        """The bucket; a Host, which knows no capitals, may name one that has them."""
        if name in self._buckets:
            return self._buckets[name]
        return next((each for n, each in self._buckets.items() if n.lower() == name), None)

    def _key_pair(self) -> KeyPair:
        if self._pair is None:
            services = self._services
            self._pair = key_pair(services.state.root, services.clock, services.entropy)
        return self._pair


def _operation(request: Request, key: str, exists: bool) -> Operation:
    """What the request asks for. Raises `S3Error`."""
    if request.method not in METHODS:
        raise _not_allowed(request.method)
    wanted = [name for name in request.parameters if name in SUBRESOURCES]
    method = "COPY" if request.method == "PUT" and SOURCE in request.headers else request.method
    table = OF_OBJECT if key else OF_BUCKET
    found = table.get((method, wanted[0] if wanted else ""))
    if found is not None:
        return found
    if not key and not wanted and method == "PUT" and exists:
        message = "The bucket you tried to create already exists, and you own it."
        raise S3Error("BucketAlreadyOwnedByYou", 409, message)
    if not key and not wanted and method in ("PUT", "DELETE"):
        raise not_implemented(
            "Making and deleting buckets (declare them as [[r2_buckets]] in aerostack.toml)"
        )
    what = f"{request.method} ?{wanted[0]}" if wanted else f"{request.method} without a key"
    raise not_implemented(what)


def _refused(error: AerostackError, request: Request) -> S3Error:
    if isinstance(error, S3Error):
        return error
    if isinstance(error, BindingError):
        refused = translated(error)
        if refused.status < 500:
            return refused
    logger.error("%s %r failed: %s", request.method, request.path, error)
    return translated(error) if isinstance(error, BindingError) else internal()


def _not_allowed(method: str) -> S3Error:
    message = "The specified method is not allowed against this resource."
    return S3Error("MethodNotAllowed", 405, message, Method=method)
