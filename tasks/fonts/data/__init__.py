"""Which fonts are installed beside the ``fontpkg-*`` ones, and which family draws which script."""
