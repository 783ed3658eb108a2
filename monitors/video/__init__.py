"""Cameras: RTSP, GB/T 28181 platforms, recordings, snapshots."""
