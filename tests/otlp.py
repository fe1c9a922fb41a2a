"""A receiver of traces: OTLP over HTTP, as a collector takes them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


@dataclass
class Receiver:
    """What came so far, and where it is taken."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def of_job(self, job_id: str) -> list[Span]:
        """Return all spans of the traces in which a job was rung, claimed or worked on."""
        seen = list(self.spans)
        worked = [span for span in seen if span.name.startswith(("dispatch", "claim", "step"))]
        traces = {span.trace_id for span in worked if span.attributes.get("job_id") == job_id}
        return [span for span in seen if span.trace_id in traces]


@contextmanager
def receive_traces() -> Iterator[Receiver]:
    """Take traces while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.spans.extend(read_spans(body))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def read_spans(body: bytes) -> Iterator[Span]:
    """Yield the spans of one message."""
    message = ExportTraceServiceRequest.FromString(body)
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = {item.key: item.value.string_value for item in span.attributes}
                yield Span(span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), attributes)
