"""`env.STORAGE`: object storage (storage-vectorize-ai.md §1)."""

from __future__ import annotations

import msgspec

from ...config.model import Section
from ..kind import Kind


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """`[[r2_buckets]]`: one binding of a bucket.

    Two bindings with one `bucket_name` share its objects. With `public = true` every
    object can be read, without a key of any sort, at
    `/cdn-cgi/local/storage/<bucket>/<key>` of the user port. `preview_bucket_name`,
    `jurisdiction` and `remote` belong to deployment: they are read, and change nothing.
    """

    binding: str
    bucket_name: str = ""
    public: bool = False
    preview_bucket_name: str = ""
    jurisdiction: str = ""
    remote: bool = False

    @property
    def resource(self) -> str:
        """The bucket's name; without one, the binding's in a bucket's spelling."""
        return self.bucket_name or self.binding.lower().replace("_", "-")


def _resource(declaration: Bucket) -> str:
    return declaration.resource


KIND = Kind(
    name="storage",
    title="object storage",
    default="STORAGE",
    section=Section("r2_buckets", Bucket),
    resource=_resource,
    backends={"files": "aerostack_dev.bindings.storage.files:open_backend"},
    operations="aerostack_dev.bindings.storage.operations:Operations",
    face="aerostack_dev.bindings.storage.api:R2Bucket",
    location=lambda declaration: "storage/",
    endpoint="aerostack_dev.bindings.storage.s3:S3App",
    web={"/cdn-cgi/local/storage/": "aerostack_dev.bindings.storage.public:PublicObjects"},
    check="aerostack_dev.bindings.storage.check:check",
    interface="R2Bucket",
)
