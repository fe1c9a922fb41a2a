"""All routes of the application, in the order in which the documentation shows them."""

from __future__ import annotations

from flask import Flask


def register_blueprints(app: Flask) -> None:
    """Attach every blueprint: those of flask-smorest are in the OpenAPI document, plain pages are not."""
    from api.admin.routes import blueprint as admin
    from api.assets.routes import blueprint as assets
    from api.audit.routes import blueprint as audit
    from api.auth import closing_routes, recovery_routes, session_routes  # noqa: F401  add to that of api.auth.routes
    from api.auth.routes import blueprint as auth
    from api.callbacks.routes import blueprint as callbacks
    from api.credits.routes import blueprint as credits
    from api.events.routes import blueprint as events
    from api.extensions import get_smorest
    from api.extractions.routes import blueprint as extractions
    from api.farm import work_routes  # noqa: F401  adds to the blueprint of api.farm.routes
    from api.farm.node_routes import blueprint as nodes
    from api.farm.routes import blueprint as farm
    from api.flower.routes import blueprint as flower
    from api.fonts.routes import blueprint as fonts
    from api.health.routes import blueprint as health
    from api.identities.routes import blueprint as identities
    from api.jobs.routes import blueprint as jobs
    from api.live.routes import blueprint as live
    from api.organisations.invitation_routes import blueprint as invitations
    from api.organisations.routes import blueprint as organisations
    from api.payments.routes import blueprint as payments
    from api.player.routes import blueprint as player
    from api.playlists.routes import blueprint as playlists
    from api.projects.blueprint import blueprint as projects
    from api.publishing.routes import blueprint as publishing
    from api.renders.estimate_routes import blueprint as estimates
    from api.renders.routes import blueprint as renders
    from api.samples.routes import blueprint as samples
    from api.scenarios.routes import blueprint as scenarios
    from api.songs.routes import blueprint as songs
    from api.sounds import scan_routes  # noqa: F401  adds to the blueprint of api.sounds.routes
    from api.sounds.routes import blueprint as sounds
    from api.stills.routes import blueprint as stills
    from api.tokens.routes import blueprint as tokens
    from api.transcripts.blueprint import blueprint as transcripts
    from api.turns.routes import blueprint as limits
    from api.uploads.routes import blueprint as uploads
    from api.usage.routes import blueprint as usage
    from api.validations.routes import blueprint as validations
    from api.videos import song_routes  # noqa: F401  adds to the blueprint of api.videos.routes
    from api.videos.routes import blueprint as videos
    from api.webhooks.routes import blueprint as webhooks

    in_order = (
        auth, identities, tokens, organisations, invitations, uploads, assets, transcripts, scenarios, fonts,
        renders, estimates, stills, songs, samples, extractions, sounds, playlists, player, videos, projects,
        publishing, validations, jobs, events, live, webhooks, usage, credits, payments, admin, audit, farm, limits,
        flower, callbacks, nodes, health,
    )  # fmt: skip
    for documented in in_order:
        get_smorest(app).register_blueprint(documented)
    register_pages(app)


def register_pages(app: Flask) -> None:
    """Attach the pages that are not in the OpenAPI document."""
    from api.docs_pages.routes import blueprint as docs_pages
    from api.flower.routes import pages as flower_pages
    from api.pages.account import blueprint as account_pages
    from api.pages.routes import blueprint as pages
    from api.studio.routes import blueprint as studio

    for page in (docs_pages, pages, account_pages, flower_pages, studio):
        app.register_blueprint(page)
