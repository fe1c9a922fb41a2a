"""Publishing: places where finished clips are shown, and what was sent to them."""
