"""Video of the cameras: the newest minutes on the disk, and clips of alerts cut out of them."""
