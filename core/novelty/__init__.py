"""A sign that an image is unlike every digit that a network was trained on."""
