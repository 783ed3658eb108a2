"""Every meter that Yiping has, with the help text of the exposition. A meter that is not named here is a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

METERS: Mapping[str, str] = MappingProxyType(
    {
        # cameras
        "yiping_site_live": "1 while the site's camera or gauges give something, 0 while they are lost",
        "yiping_site_lost_total": "how often the site's camera was lost",
        "yiping_frame_age_seconds": "age of the picture last looked at",
        "yiping_look_age_seconds": "from when a picture was taken until the look at it has ended",
        "yiping_catch_up_age_seconds": "the same of pictures that were kept back until the camera woke",
        "yiping_look_seconds": "duration of one look: inference, tracking, rules",
        "yiping_second_looks_total": "closer looks at objects of which the model is not sure",
        "yiping_canaries_total": "canary targets put into copies of pictures",
        "yiping_canaries_found_total": "canary targets that the detector found",
        "yiping_canary_seconds_total": "processor time for canary targets",
        "yiping_frames_total": "pictures decoded",
        "yiping_frames_dropped_total": "pictures left out for want of time",
        "yiping_frames_dropped_per_second": "pictures left out for want of time, of the last 10 s",
        "yiping_inferences_total": "looks taken",
        "yiping_looks_per_second": "looks taken, of the last 10 s",
        "yiping_pictures_per_second": "pictures decoded, of the last 10 s",
        "yiping_looks_shed_total": "looks that were due and not made",
        "yiping_looks_shed_share": "share of looks that were due and not made, of the last 10 s",
        "yiping_shedding": "1 while the worker sheds looks",
        "yiping_window_looks_total": "looks at a part of the picture only",
        "yiping_window_looks_share": "share of looks at a part of the picture, of the last 10 s",
        "yiping_glances_total": "pictures of resting cameras at which the detectors glanced",
        "yiping_wakes_total": "how often a resting camera woke",
        "yiping_global_changes_total": "changes of the whole picture (light, exposure), which wake no camera",
        "yiping_evidence_pictures_total": "evidence of cameras that are looked at by their substream, by the stream it "
        "is of; what was asked for in vain is the substream's",
        "yiping_decode_state": "0 key frames, 1 substream at rest, 2 everything, "
        "3 key frames because the machine is full, 4 substream, 5 everything because the substream is lost, "
        "6 substream because the main stream is lost",
        "yiping_stage_cpu_seconds_total": "processor time by camera and stage",
        "yiping_camera_cpu_ms_per_second": "processor time by camera and stage, of the last 10 s",
        "yiping_pipeline_failures_total": "times a site's detectors or rules failed",
        "yiping_settings_version": "version of the settings by which the process judges, 0: config.yaml itself",
        # sensors
        "yiping_observations_total": "lines of observations kept for replay",
        "yiping_observations_lost_total": "lines of observations that could not be kept",
        "yiping_readings_total": "readings taken",
        "yiping_positions_total": "positions of vehicles taken",
        "yiping_history_readings_total": "readings that came too late to be judged",
        "yiping_warnings_total": "official warnings taken",
        "yiping_pushed_total": "observations, alerts and warnings that other systems sent",
        "yiping_rejects_total": "input that could not be used",
        # alerts
        "yiping_alerts_raised_total": "alerts raised by what cameras see",
        "yiping_alerts_ended_total": "alerts ended by what cameras see",
        "yiping_alert_commit_seconds": "from a picture's arrival until its alert is committed",
        "yiping_second_look_wait_seconds": "how long alerts waited for a closer look, in the time of the pictures",
        "yiping_evidence_seconds": "keeping an alert's picture in the vault",
        # store and queues
        "yiping_store_commit_seconds": "a commit of the server, tried every 5 s",
        "yiping_units_waiting": "signals that are not committed yet",
        "yiping_units_refused_total": "signals that the store refused for good",
        "yiping_waiting_files": "files of the spool (cameras) or the inbox (gauges) that the store has not taken yet",
        "yiping_waiting_age_seconds": "age of the oldest of them",
        "yiping_disk_free_bytes": "free on the disk of VAR",
        "yiping_lane_taken": "requests at work or waiting, by kind of work",
        "yiping_outbox_seq": "number of the last change that the server has passed on",
        # server
        "yiping_http_requests_total": "requests answered",
        "yiping_http_request_seconds": "duration of requests; area `acknowledge`: those that acknowledge",
        "yiping_change_delivery_seconds": "from a change until it was sent to a screen",
        "yiping_sockets": "open sockets of screens",
        "yiping_wall_tiles_total": "tiles sent to screens",
        # processes
        "yiping_process_resident_bytes": "resident memory",
        "yiping_process_cpu_seconds": "processor time since the process began",
        "yiping_child_restarts_total": "processes that died or hung and were started again",
    }
)
