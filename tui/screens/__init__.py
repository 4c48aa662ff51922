"""The views, and the dialogs that open over them."""
