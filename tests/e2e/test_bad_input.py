"""Files that are not what they say: a typed answer, and what was reserved goes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.client import ApiClient, ApiProblemError
from tests import media_samples
from tests.e2e.stack import Stack, caption, order, quota, transcribed


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(media_samples.make_not_video, "media.unsupported", id="a letter"),
        pytest.param(media_samples.make_playlist, "media.unsupported", id="a playlist"),
        pytest.param(media_samples.make_truncated, "media.truncated", id="a truncated video"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(
    stack: Stack, client: ApiClient, tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    upload = client.upload(make(tmp_path / "clip.mp4"))
    job = stack.wait_ended(client, upload["job"]["id"], timeout_s=30)

    assert (job["state"], job["error"]["code"]) == ("failed", code)
    asset = client.call("GET", f"/assets/{upload['asset']['id']}")
    assert (asset["state"], asset["refused"]["code"]) == ("refused", code)
    assert quota(client, "storage_bytes") == 0


def test_an_empty_file_is_refused_when_it_is_announced(client: ApiClient, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()

    with pytest.raises(ApiProblemError) as refused:
        client.upload(empty)

    assert refused.value.status == 422
    assert quota(client, "storage_bytes") == 0


def test_a_wrong_scenario_is_refused_with_pointer_and_suggestion_before_anything_is_reserved(
    stack: Stack, client: ApiClient, clips: Path
) -> None:
    asset_id, _ = transcribed(stack, client, clips / "silent.mp4")
    scenario = caption("Wrong", width=320, height=568)
    scenario["trakcs"] = scenario.pop("tracks")

    with pytest.raises(ApiProblemError) as refused:
        order(client, asset_id, scenario)

    assert (refused.value.status, refused.value.code) == (422, "scenario.invalid")
    findings = {finding["pointer"]: finding.get("suggestion") for finding in refused.value.extra["findings"]}
    assert findings["/trakcs"] == "did you mean tracks?"
    assert quota(client, "daily_renders") == 0
