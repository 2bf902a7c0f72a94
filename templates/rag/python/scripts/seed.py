"""Send the documents of documents.json to the running server.

python scripts/seed.py http://127.0.0.1:8788
"""

import argparse
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

DOCUMENTS = Path(__file__).parents[1] / "documents.json"


def main() -> None:
    parser = argparse.ArgumentParser(description="Send the documents of documents.json.")
    parser.add_argument("url", help="of the server")
    url = parser.parse_args().url.rstrip("/") + "/documents"
    documents = json.loads(DOCUMENTS.read_text(encoding="utf-8"))
    for document in documents:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(document).encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            sys.exit(f"{document['title']}: {error.code} {error.read().decode()}")
        except urllib.error.URLError as error:
            sys.exit(f"{url} cannot be reached: {error.reason}")
    print(f"{len(documents)} documents sent")


if __name__ == "__main__":
    main()
