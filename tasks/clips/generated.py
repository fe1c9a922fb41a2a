"""Clips that Replicate makes: ordered once, remembered before waiting, asked for until they are there.

The service bills what is ordered. So the id of a prediction is handed out to be stored before anything waits for it,
and whoever comes again with that id waits for the same prediction and orders nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from replicate.client import Client
from replicate.exceptions import ReplicateError
from replicate.prediction import Prediction

from tasks.errors import FencedError, PermanentError, TransientError
from tasks.fetching import Fetcher, FetchLimits

Remember = Callable[[str], None]
Check = Callable[[], None]
Pause = Callable[[str, float], None]
"""Waits until a prediction may be done, so many seconds at most."""
TAKEN_OVER = "step.fenced"
FINISHED = frozenset({"succeeded", "failed", "canceled", "aborted"})
MAX_BYTES = 512 * 1024 * 1024
_TRIES, _LONGEST_WAIT_S = 6, 60.0
FETCH_S = 600.0


@dataclass(frozen=True)
class ReplicateOptions:
    """Where and how clips are ordered.

    :param model: ``owner/name`` or ``owner/name:version``. :param webhook_url: told when a prediction is done; polling
    goes on beside it. :param usd_per_s: dollars for a second of the service's work. :param proxy: the only way out of
    this host, as ``REELYARD_FETCH_PROXY``.
    """

    token: str
    model: str
    base_url: str = "https://api.replicate.com"
    webhook_url: str = ""
    usd_per_s: float = 0.0
    proxy: str = ""
    poll_s: float = 2.0
    patience_s: float = 1200.0


@dataclass(frozen=True)
class ClipWish:
    """What a clip shall be; ``duration_s`` is a length that the model makes. A still has none."""

    prompt: str
    duration_s: float
    seed: int
    aspect_ratio: str = "16:9"
    is_still: bool = False

    def to_input(self) -> dict[str, Any]:
        """Return what the model is given."""
        told: dict[str, Any] = {"prompt": self.prompt, "aspect_ratio": self.aspect_ratio, "seed": self.seed}
        return told if self.is_still else {**told, "duration": self.duration_s}


@dataclass(frozen=True)
class GeneratedClip:
    """A clip that is there.

    :param prediction_ref: the service's own id.
    :param worked_s: seconds that it billed. :param cost_usd: what they cost.
    """

    path: Path
    prediction_ref: str
    worked_s: float
    cost_usd: float


class ReplicateClips:
    """Orders clips and waits for them."""

    def __init__(self, options: ReplicateOptions, *, pause: Pause = lambda ref, seconds: time.sleep(seconds)) -> None:
        self._options = options
        self._pause = pause
        self._client = Client(api_token=options.token, base_url=options.base_url)

    def make(
        self,
        wish: ClipWish,
        out: Path,
        *,
        remember: Remember,
        known_ref: str = "",
        check: Check = lambda: None,
        is_repeated: bool = False,
    ) -> GeneratedClip:
        """Have a clip made and fetch it.

        :param remember: called with the prediction's id before anything waits; what it raises cancels the prediction.
        :param known_ref: a prediction ordered before, to be waited for instead of ordering another.
        :param check: called while waiting; what it raises cancels the prediction, unless another attempt took over,
        which waits for it now.
        :param is_repeated: an earlier attempt may have ordered and died before its id was stored.
        Errors: ``provider.refused failed canceled empty timeout`` are permanent, ``provider.unavailable`` is not.
        """
        prediction = self._find(known_ref) if known_ref else self._order_once(wish, remember, is_repeated=is_repeated)
        try:
            prediction = self._wait(prediction, check)
        except TransientError:
            raise
        except BaseException as error:
            if not (isinstance(error, FencedError) and error.code == TAKEN_OVER):
                self.cancel(prediction.id)
            raise
        worked_s = float((prediction.metrics or {}).get("predict_time") or 0.0)
        self._fetch(_address_of(prediction), out)
        return GeneratedClip(out, prediction.id, worked_s, round(worked_s * self._options.usd_per_s, 6))

    def cancel(self, prediction_ref: str) -> None:
        """Cancel a prediction; one that is done or unknown is left alone."""
        try:
            self._client.predictions.cancel(prediction_ref)
        except (ReplicateError, httpx.HTTPError):
            # It ends by itself; what called this is the error to be told.
            return

    def _order_once(self, wish: ClipWish, remember: Remember, *, is_repeated: bool) -> Prediction:
        """Return a prediction whose id is stored; one that cannot be remembered is cancelled."""
        taken = self._find_taken(wish.to_input()) if is_repeated else None
        prediction = taken or self._order(wish)
        try:
            remember(prediction.id)
        except BaseException:
            self.cancel(prediction.id)
            raise
        return prediction

    def _order(self, wish: ClipWish) -> Prediction:
        known: dict[str, Any] = {"model": self._options.model}
        version = self._options.model.partition(":")[2]
        if version:
            known = {"version": version}
        if self._options.webhook_url:
            known |= {"webhook": self._options.webhook_url, "webhook_events_filter": ["completed"]}
        wanted = wish.to_input()
        try:
            return self._ask(lambda: self._client.predictions.create(input=wanted, **known))
        except TransientError:
            # The order may have been taken, and its answer lost on the way: then it is paid for.
            taken = self._find_taken(wanted)
            if taken is None:
                raise
            return taken

    def _find_taken(self, wanted: dict[str, Any]) -> Prediction | None:
        """Return the newest prediction with this very input among the latest; a seed is no other clip's."""
        try:
            latest = self._client.predictions.list().results
        except (ReplicateError, httpx.HTTPError):
            return None
        return next((one for one in latest if one.input == wanted and one.status not in ("failed", "canceled")), None)

    def _find(self, prediction_ref: str) -> Prediction:
        return self._ask(lambda: self._client.predictions.get(prediction_ref))

    def _wait(self, prediction: Prediction, check: Check) -> Prediction:
        until = time.monotonic() + self._options.patience_s
        while prediction.status not in FINISHED:
            check()
            if time.monotonic() > until:
                self.cancel(prediction.id)
                raise PermanentError("provider.timeout", f"No clip was made in {self._options.patience_s:g} seconds")
            self._pause(prediction.id, self._options.poll_s)
            prediction = self._find(prediction.id)
        if prediction.status == "failed":
            why = prediction.error or "it does not say why"
            raise PermanentError("provider.failed", f"The model failed: {why}"[:500])
        if prediction.status != "succeeded":
            raise PermanentError("provider.canceled", "The prediction was cancelled at the provider")
        return prediction

    def _ask(self, call: Callable[[], Prediction]) -> Prediction:
        """Ask, and again when the service says that there is too much; nothing was ordered where it answers 429."""
        for tried in range(1, _TRIES + 1):
            try:
                return call()
            except ReplicateError as error:
                if error.status != 429 or tried == _TRIES:
                    raise _translate(error) from error
                time.sleep(min(_LONGEST_WAIT_S, self._options.poll_s * 2 ** (tried - 1)))
            except httpx.HTTPError as error:
                raise TransientError("provider.unavailable", f"The provider does not answer: {error}") from error
        raise AssertionError("unreachable")

    def _fetch(self, address: str, out: Path) -> None:
        """Fetch what the service says that it made; from an inner network only where the service itself is in one."""
        is_inside = self._options.base_url != ReplicateOptions.base_url
        limits = FetchLimits(MAX_BYTES, FETCH_S, max_redirects=0)
        out.unlink(missing_ok=True)
        try:
            found = Fetcher(limits, inside=is_inside, proxy=self._options.proxy).fetch(address, out)
        except TransientError as error:
            raise TransientError("provider.unavailable", f"The clip cannot be fetched: {error.detail}") from error
        except PermanentError as error:
            again = error.code == "url.bad_answer"
            kind, code = (TransientError, "provider.unavailable") if again else (PermanentError, "provider.refused")
            raise kind(code, f"The clip cannot be fetched: {error.detail}") from error
        if not found.size_bytes:
            raise PermanentError("provider.empty", "The provider's clip is an empty file")


def _translate(error: ReplicateError) -> PermanentError | TransientError:
    detail = error.detail or error.title or "no reason given"
    if error.status == 429 or (error.status or 500) >= 500:
        return TransientError("provider.unavailable", f"The provider answers {error.status}: {detail}")
    return PermanentError("provider.refused", f"The provider answers {error.status}: {detail}")


def _address_of(prediction: Prediction) -> str:
    output = prediction.output
    first = output[0] if isinstance(output, list) and output else output
    address = str(getattr(first, "url", first) or "")
    if not address.startswith(("http://", "https://")):
        raise PermanentError("provider.empty", "The provider says that the clip is made, and gives none")
    return address
