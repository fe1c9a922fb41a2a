"""The studio's pages: what Vite built of ``studio/``, and the stage module that renders load."""
