"""How S3 clients reach the buckets: what `aerostack storage s3` prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...bindings.kind import named
from ...bindings.kinds import KINDS
from ...bindings.state import own_folder
from ...bindings.storage.s3.credentials import REGION, key_pair
from ...clock import SystemClock
from ..access import running
from ..project import Place

UNKNOWN_PORT = "http://127.0.0.1:PORT"


def access_of(place: Place) -> dict[str, Any]:
    """`endpoint` (None: nothing serves it now), the keys, the region and the buckets.

    Raises `StateError` when the keys can be neither read nor made.
    """
    project = place.load()
    live = running(project, place)
    if place.persist_to is None:
        own_folder(project.root)
    state = Path(live.state) if live is not None and live.state else place.state(project)
    pair = key_pair(state, SystemClock(), os.urandom)
    kind = named(KINDS["storage"])
    return {
        "endpoint": (live.endpoints.get("storage") if live else None),
        "accessKeyId": pair.access_key_id,
        "secretAccessKey": pair.secret_access_key,
        "region": REGION,
        "buckets": sorted({kind.resource(entry) for entry in kind.declarations(project)}),
    }


def settings(found: dict[str, Any]) -> Iterator[str]:
    """The same for people: to be pasted into the clients' own configuration."""
    url = found["endpoint"] or UNKNOWN_PORT
    key, secret, region = found["accessKeyId"], found["secretAccessKey"], found["region"]
    bucket = found["buckets"][0]
    yield f"endpoint           {found['endpoint'] or '(served while `aerostack dev` runs)'}"
    yield f"access key id      {key}"
    yield f"secret access key  {secret}"
    yield f"region             {region}"
    yield f"buckets            {', '.join(found['buckets'])}"
    yield from ("", "# boto3")
    yield "import boto3"
    yield (
        f's3 = boto3.client("s3", endpoint_url="{url}", region_name="{region}", '
        f'aws_access_key_id="{key}", aws_secret_access_key="{secret}")'
    )
    yield from ("", "# aws: in the shell")
    yield f"export AWS_ENDPOINT_URL_S3={url} AWS_DEFAULT_REGION={region}"
    yield f"export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}"
    yield f"aws s3 ls s3://{bucket}/"
    yield from ("", "# s3cmd: ~/.s3cfg")
    host = url.removeprefix("http://")
    yield from ("[default]", f"access_key = {key}", f"secret_key = {secret}")
    yield from (f"host_base = {host}", f"host_bucket = {host}")
    yield from (f"bucket_location = {region}", "use_https = False", "signature_v2 = False")
    yield from ("", "# rclone: ~/.config/rclone/rclone.conf")
    yield from ("[aerostack]", "type = s3", "provider = Other", f"endpoint = {url}")
    yield from (f"region = {region}", f"access_key_id = {key}", f"secret_access_key = {secret}")
