"""All routes of the application, in the order in which the documentation shows them."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Blueprint


def register_blueprints(app: Flask) -> None:
    """Attach every blueprint: those of flask-smorest are in the OpenAPI document, plain pages are not."""
    from api.extensions import get_smorest

    for blueprints in (_of_accounts(), _of_captions(), _of_sound_and_film(), _of_work(), _of_operators()):
        for blueprint in blueprints:
            get_smorest(app).register_blueprint(blueprint)
    register_pages(app)


def _of_accounts() -> tuple[Blueprint, ...]:
    """Return the blueprints of accounts and who may do what."""
    from api.auth import closing_routes, recovery_routes, session_routes  # noqa: F401  add to that of api.auth.routes
    from api.auth.routes import blueprint as auth
    from api.identities.routes import blueprint as identities
    from api.organisations.invitation_routes import blueprint as invitations
    from api.organisations.routes import blueprint as organisations
    from api.tokens.routes import blueprint as tokens

    return (auth, identities, tokens, organisations, invitations)


def _of_captions() -> tuple[Blueprint, ...]:
    """Return the blueprints of captioned video."""
    from api.assets.routes import blueprint as assets
    from api.fonts.routes import blueprint as fonts
    from api.renders.estimate_routes import blueprint as estimates
    from api.renders.routes import blueprint as renders
    from api.scenarios.routes import blueprint as scenarios
    from api.stills.routes import blueprint as stills
    from api.transcripts.blueprint import blueprint as transcripts
    from api.uploads.routes import blueprint as uploads

    return (uploads, assets, transcripts, scenarios, fonts, renders, estimates, stills)


def _of_sound_and_film() -> tuple[Blueprint, ...]:
    """Return the blueprints of songs, samples, sounds, films and shorts."""
    from api.extractions.routes import blueprint as extractions
    from api.player.routes import blueprint as player
    from api.playlists.routes import blueprint as playlists
    from api.projects.blueprint import blueprint as projects
    from api.publishing.routes import blueprint as publishing
    from api.samples.routes import blueprint as samples
    from api.songs.routes import blueprint as songs
    from api.sounds import scan_routes  # noqa: F401  adds to the blueprint of api.sounds.routes
    from api.sounds.routes import blueprint as sounds
    from api.validations.routes import blueprint as validations
    from api.videos import song_routes  # noqa: F401  adds to the blueprint of api.videos.routes
    from api.videos.routes import blueprint as videos

    return (songs, samples, extractions, sounds, playlists, player, videos, projects, publishing, validations)


def _of_work() -> tuple[Blueprint, ...]:
    """Return the blueprints of jobs, what is told of them, what they cost."""
    from api.credits.routes import blueprint as credits
    from api.events.routes import blueprint as events
    from api.jobs.routes import blueprint as jobs
    from api.live.routes import blueprint as live
    from api.payments.routes import blueprint as payments
    from api.usage.routes import blueprint as usage
    from api.webhooks.routes import blueprint as webhooks

    return (jobs, events, live, webhooks, usage, credits, payments)


def _of_operators() -> tuple[Blueprint, ...]:
    """Return the blueprints of administrators, workers and probes."""
    from api.admin.routes import blueprint as admin
    from api.audit.routes import blueprint as audit
    from api.callbacks.routes import blueprint as callbacks
    from api.farm import work_routes  # noqa: F401  adds to the blueprint of api.farm.routes
    from api.farm.node_routes import blueprint as nodes
    from api.farm.routes import blueprint as farm
    from api.flower.routes import blueprint as flower
    from api.health.routes import blueprint as health
    from api.turns.routes import blueprint as limits

    return (admin, audit, farm, limits, flower, callbacks, nodes, health)


def register_pages(app: Flask) -> None:
    """Attach the pages that are not in the OpenAPI document."""
    from api.docs_pages.routes import blueprint as docs_pages
    from api.flower.routes import pages as flower_pages
    from api.pages.account import blueprint as account_pages
    from api.pages.routes import blueprint as pages
    from api.studio.routes import blueprint as studio

    for page in (docs_pages, pages, account_pages, flower_pages, studio):
        app.register_blueprint(page)
