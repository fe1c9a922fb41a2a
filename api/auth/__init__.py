"""Who is calling: bearer tokens tied to sessions in the database."""

from api.auth.guard import admin_required, current_session_id, current_user, login_required

__all__ = ["admin_required", "current_session_id", "current_user", "login_required"]
