"""Google Cloud Storage's XML protocol for the tests: generations before moto's S3 server.

The XML protocols of the two are one but for a few things, and those stand here as Google documents
them: an object has a generation (``x-goog-generation``) that every write makes anew; a write on
condition names the generation that must be there, 0 for none (``x-goog-if-generation-match``), and is
refused with 412; deleting what is not there is 404; a caller shows a bearer token or nothing.
The emulators in package registries speak Google's JSON protocol, of which obstore makes no use.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import s3_server

_GOOGLE = """
import itertools
from urllib.parse import parse_qs

generations, numbers = {}, itertools.count(1_700_000_000_000_000)
CONDITION = "HTTP_X_GOOG_IF_GENERATION_MATCH"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)

def refused(start_response, status, code):
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body.encode()]

def application(environ, start_response):
    with turn:
        key, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        wanted = environ.pop(CONDITION, None)
        if wanted is not None and int(wanted) != generations.get(key, 0):
            return refused(start_response, "412 Precondition Failed", "PreconditionFailed")
        if method == "DELETE" and not query and key not in generations:
            return refused(start_response, "404 Not Found", "NoSuchKey")
        environ["HTTP_AUTHORIZATION"] = SIGNED

        def answered(status, headers, *rest):
            done = status.startswith("2")
            whole = method == "PUT" and "partNumber" not in query
            if done and (whole or (method == "POST" and "uploadId" in query)):
                generations[key] = next(numbers)
            if done and method == "DELETE" and not query:
                generations.pop(key)
            known = [("x-goog-generation", str(generations[key]))] if key in generations else []
            return start_response(status, headers + known, *rest)

        return list(store(environ, answered))
"""


def running() -> AbstractContextManager[str]:
    """Start a server and yield its address; it ends with this process, however that ends."""
    return s3_server.running(_GOOGLE)
