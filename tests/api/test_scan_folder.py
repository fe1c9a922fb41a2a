"""A folder becomes sounds by the command, over real HTTP: new files sent, known ones named, bad ones explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.client import ApiClient
from cli.scanning import Found, list_files, scan_folder
from tasks.errors import InvalidInputError
from tests.api.farm import Caller, Farm, media_of, sha256_of
from tests.api.test_live_socket import address
from tests.api.test_sounds import level

__all__ = ["address"]
DATA = {"air horn.wav": b"RIFF horn", "more/drum.mp3": b"ID3 drum", "broken.ogg": b"OggS broken"}


class Played(ApiClient):
    """A client whose every wait is for a farm that the test plays."""

    farm: Farm

    def wait(self, job_id: str, *, timeout_s: float = 120.0) -> dict[str, Any]:
        """Do the job, then look at it."""
        job = self.job(job_id)
        if job["kind"] == "sound":
            level(self.farm, job_id)
        else:
            self._probe(job_id)
        return super().wait(job_id, timeout_s=timeout_s)

    def _probe(self, job_id: str) -> None:
        size = self.sizes.pop(0)
        data = next(data for data in DATA.values() if len(data) == size)
        if b"broken" in data:
            self.farm.fail(job_id, "probe", "media.damaged", "The file cannot be decoded")
            return
        media = {**media_of(data, video=False), "duration_s": 2.5}
        self.farm.succeed(job_id, "probe", media)
        self.farm.succeed(job_id, "poster", {"object_key": None})

    def upload(self, path: Path, **options: Any) -> dict[str, Any]:
        """Remember what is sent."""
        self.sizes = [path.stat().st_size]
        return super().upload(path, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds, a broken one, a text and a link."""
    for name, data in DATA.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "link.wav").symlink_to(tmp_path / "air horn.wav")
    return tmp_path


def test_a_folder_is_taken_once_and_says_what_came_of_each_file(
    user: Caller, farm: Farm, address: str, folder: Path
) -> None:
    with Played(f"http://{address}") as client:
        client.use_token(user.token)
        client.farm = farm
        found = {one.name: one for one in scan_folder(client, folder)}
        assert list(found) == ["air horn.wav", "broken.ogg", "more/drum.mp3"]
        assert [one.outcome for one in found.values()] == ["taken", "bad", "taken"]
        assert found["broken.ogg"].told.startswith("asset.refused: ")
        assert "The file cannot be decoded" in found["broken.ogg"].told
        horn = user.get(f"/sounds?sha256={sha256_of(DATA['air horn.wav'])}")["items"][0]
        assert (horn["title"], horn["state"], horn["id"]) == ("air horn", "ready", found["air horn.wav"].sound_id)

        (folder / "copy.wav").write_bytes(DATA["air horn.wav"])
        (folder / "broken.ogg").unlink()
        again = {one.name: one for one in scan_folder(client, folder)}
        assert again["air horn.wav"] == Found("air horn.wav", "unchanged", "", horn["id"])
        assert again["copy.wav"] == Found("copy.wav", "duplicate", "air horn", horn["id"])
        assert again["more/drum.mp3"].outcome == "unchanged"
    assert len(user.get("/sounds")["items"]) == 2


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        scan_folder(ApiClient("http://127.0.0.1:1"), tmp_path / "nothing")
    assert refused.value.code == "folder.missing"
    assert list(list_files(tmp_path)) == []
