"""The doors that workers knock on: signed, never open to users."""
