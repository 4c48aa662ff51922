"""A folder with one subfolder of image files a class, as a dataset."""
