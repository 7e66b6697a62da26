"""What any library needs; knows no image and no network."""
