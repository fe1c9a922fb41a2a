"""Use cases of samples: take, list, change, download, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, func, or_, select
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.service import Download, expiry
from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.database import unless_taken
from api.errors import ConflictError, NotFoundError
from api.ids import get_owned, get_visible, new_id
from api.jobs.service import create_job
from api.ownership import in_place, placed_in, visible_to
from api.quotas.service import release
from api.samples.models import Creator, DownloadForm, Sample, SampleDownload, SampleState
from api.users.models import User
from tasks.contracts.samples import LinkOrder, tagged_name
from tasks.errors import ReelyardError
from tasks.fetching.links import read_link
from tasks.names import Priority
from tasks.storage.base import Storage
from tasks.workflows.samples import build_sample_steps, limits_of

JOB_KIND = "sample"
SIMPLE = "simple"
WORDS_LENGTH = 20_000
FORMS = {
    DownloadForm.WAV: ("audio/wav", ".wav", ""),
    DownloadForm.MP3: ("audio/mpeg", ".mp3", ""),
    DownloadForm.LOOP: ("audio/wav", ".wav", "loop"),
}
"""Content type, suffix and mark of each form."""


def select_samples(wanted: dict[str, Any]) -> Select[tuple[Sample]]:
    """Select the samples that the caller may see and that fit.

    :param wanted: loaded by ``SampleQuery``; None stands for anything.
    """
    tests: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "status": lambda state: Sample.state == state,
        "bpm_min": lambda bpm: Sample.bpm >= bpm,
        "bpm_max": lambda bpm: Sample.bpm <= bpm,
        "key": lambda key: func.lower(Sample.key) == key.lower(),
        "tag": lambda tag: Sample.tags.contains([tag.lower()]),
        "q": lambda q: Sample.words.op("@@")(func.websearch_to_tsquery(cast(SIMPLE, REGCONFIG), q)),
        "creator": lambda said: Sample.creator_id.in_(select(Creator.id).where(is_creator(said))),
    }
    fits = [test(wanted[name]) for name, test in tests.items() if wanted.get(name) is not None]
    return select(Sample).where(visible_to(Sample, wanted.get("organisation_id")), *fits)


def is_creator(said: str) -> ColumnElement[bool]:
    """Return the condition that a creator has this id, handle or name."""
    name = said.lower().removeprefix("@")
    fits = [func.lower(Creator.handle).in_([name, f"@{name}"]), func.lower(Creator.name) == name]
    with suppress(ValueError):
        fits.append(Creator.id == UUID(said))
    return or_(*fits)


def get_sample(sample_id: UUID) -> Sample:
    """Return the caller's sample as the request's method may treat it."""
    return get_owned(Sample, sample_id)


def lock_sample(session: Session, sample_id: UUID) -> Sample:
    """Return the caller's sample, locked and as it is now."""
    sample = get_sample(sample_id)
    session.refresh(sample, with_for_update=True)
    return sample


def create_sample(session: Session, user: User, body: dict[str, Any], *, settings: ApiSettings) -> Sample:
    """Order a sample of what a link leads to.

    Raises ``url.refused``, ``sample.duplicate``, ``organisation.*``, ``credits.insufficient``.
    """
    link = read_link(body["url"], inside=settings.link_inside)
    organisation_id = placed_in(body["organisation_id"])
    place = in_place(Sample, user.id, organisation_id)
    if same := find_same(session, place, link.service, link.media_ref):
        raise ConflictError(*tell_duplicate(same))
    tags, title = clean_tags(body["tags"]), body["title"].strip()
    sample = Sample(
        id=new_id(),
        owner_id=user.id,
        organisation_id=organisation_id,
        url=link.url,
        service=link.service,
        media_ref=link.media_ref,
        title=title,
        tags=tags,
        words=searched(title, *tags),
        loops=[],
        files={},
    )
    with alone_with(session, sample, link.service, link.media_ref):
        session.add(sample)
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=organisation_id,
        kind=JOB_KIND,
        steps=build_sample_steps(
            LinkOrder(link.url, settings.max_link_s, settings.max_link_bytes), limits_of(link.site, str(user.id))
        ),
        priority=Priority.NORMAL,
        subject={"sample_id": str(sample.id)},
    )
    hold(session, job, Action.SAMPLE, price(Action.SAMPLE, 1))
    sample.job_id = job.id
    session.flush()
    session.refresh(sample)
    return sample


def find_same(
    session: Session, place: ColumnElement[bool], service: str, media_ref: str, *, but: UUID | None = None
) -> Sample | None:
    """Return the sample of the same media that did not fail, if there is one."""
    if not media_ref:
        return None
    same = Sample.service == service, Sample.media_ref == media_ref, Sample.id != but
    return session.scalars(select(Sample).where(place, *same, Sample.state != SampleState.FAILED.value)).first()


def tell_duplicate(found: Sample) -> tuple[str, str, dict[str, Any]]:
    """Return code, sentence and details of the refusal that names a sample."""
    named = {"sample_id": str(found.id), "title": found.title}
    return "sample.duplicate", f"The link is a sample already: {found.title}", named


def alone_with(
    session: Session, sample: Sample, service: str, media_ref: str, *, error: type[ReelyardError] = ConflictError
) -> AbstractContextManager[None]:
    """Return the block in which a sample may take a media's name; another's is refused with ``sample.duplicate``."""
    sample_id, place = sample.id, in_place(Sample, sample.owner_id, sample.organisation_id)

    def refusal() -> ReelyardError | None:
        found = find_same(session, place, service, media_ref, but=sample_id)
        return error(*tell_duplicate(found)) if found is not None else None

    return unless_taken(session, refusal)


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Return tags trimmed, in lower case, each once, in their order."""
    return list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))


def searched(*parts: str) -> ColumnElement[Any]:
    """Return the words that a sample is found by, in no language's grammar."""
    return func.to_tsvector(cast(SIMPLE, REGCONFIG), " ".join(parts)[:WORDS_LENGTH])


def words_of(sample: Sample) -> ColumnElement[Any]:
    """Return the words of title, tags, description and creator."""
    told, creator = sample.told or {}, sample.creator
    names = [creator.name, creator.handle] if creator is not None else []
    return searched(sample.title, *sample.tags, *names, told.get("title", ""), told.get("description", ""))


def change_sample(sample: Sample, body: dict[str, Any]) -> None:
    """Rename a sample or give it other tags."""
    if "title" in body:
        sample.title = body["title"].strip()
    if "tags" in body:
        sample.tags = clean_tags(body["tags"])
    sample.words = words_of(sample)


def download_sample(
    session: Session, user: User, sample: Sample, form: DownloadForm, *, storage: Storage, settings: ApiSettings
) -> Download:
    """Count a download and return its URL; raise ``sample.not_ready``, ``sample.no_file``."""
    if sample.state != SampleState.READY:
        raise ConflictError("sample.not_ready", f"The sample is {sample.state}", {"state": sample.state})
    file = sample.files.get(form.value)
    if file is None:
        raise NotFoundError("sample.no_file", f"The sample has no {form.value}")
    session.add(SampleDownload(sample_id=sample.id, user_id=user.id, form=form.value))
    session.query(Sample).filter(Sample.id == sample.id).update({Sample.downloads: Sample.downloads + 1})
    content_type, suffix, mark = FORMS[form]
    filename = tagged_name(sample.title, bpm=sample.bpm, key=sample.key, suffix=suffix, mark=mark)
    url = storage.presign_get(file["key"], filename=filename, content_type=content_type)
    return Download(url, filename, content_type, file["size_bytes"], expiry(settings))


def list_downloads(session: Session, sample: Sample) -> dict[str, Any]:
    """Return who downloaded a sample, the newest first."""
    mine = SampleDownload.sample_id == sample.id
    users = select(func.count(SampleDownload.user_id.distinct())).where(mine)
    newest = select(SampleDownload).where(mine).order_by(SampleDownload.at.desc(), SampleDownload.id).limit(100)
    return {
        "downloads": sample.downloads,
        "users": session.execute(users).scalar_one(),
        "items": list(session.scalars(newest)),
    }


def see_sample(sample_id: UUID) -> Sample:
    """Return a sample that the caller may read, whatever the request's method."""
    return get_visible(Sample, sample_id)


def delete_sample(session: Session, sample: Sample, *, storage: Storage) -> None:
    """Delete a locked sample with its files; raise ``sample.processing``."""
    if sample.state == SampleState.PROCESSING:
        raise ConflictError(
            "sample.processing", "The sample is being made; cancel that first", {"job_id": str(sample.job_id)}
        )
    delete_objects_after_commit(session, storage, [file["key"] for file in sample.files.values()])
    release(session, sample.quota_ref)
    session.delete(sample)
