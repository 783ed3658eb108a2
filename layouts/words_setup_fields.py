"""What settings are called on the set-up page, and in Chinese what they mean; English has the schemas' descriptions.

A key is the setting's name, or `kind.name` where it means something else in one kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FIELDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        # a site
        "site.id": ("点位代号", "Short name", "小写字母、数字、- 和 _；保存后不能更改。"),
        "site.name": ("名称", "Name", "屏幕上显示的名称。"),
        "site.grid": ("网格编码", "Grid", "网格编码（国内为 15 位）。"),
        "site.catchment": ("水系或路网", "Catchment", "水系或交通相连的点位填同一个名称：同类告警合为一个事件。"),
        "site.profile": (
            "点位类型",
            "Profile",
            "什么样的地方：riverbank（江边）、waterlogging_point（积水点）、no_parking（禁停），或自定。",
        ),
        # every recipe
        "id": ("代号", "Id", "在本点位内的名称；不填则用其种类。"),
        "zone": ("区域", "Zone", "规则所看的区域；不选则为整个画面。"),
        "priority": ("级别", "Priority", "P1 红、P2 橙、P3 黄、P4 蓝。"),
        # cameras
        "url": ("地址", "Address", "主码流地址 rtsp://主机:端口/路径，不含用户名和密码。"),
        "http_snapshot.url": ("地址", "Address", "JPEG 或 PNG 图片的 http(s) 地址，不含用户名和密码。"),
        "wvp_camera.url": ("平台地址", "Platform", "平台的 http(s)://主机:端口，不含用户名和密码。"),
        "substream": ("子码流地址", "Substream", "同一摄像机的小码流，画面静止时使用，可省处理能力。"),
        "looks": (
            "分析用码流",
            "Stream that is looked at",
            "substream：始终分析子码流，主码流照常录像，只在需要细节时解码，大幅节省处理能力；auto：子码流够大时同上；main：分析主码流。",
        ),
        "credentials": ("凭据名称", "Credentials", "密钥文件中用户名和密码的名称；密码不写在这里。"),
        "transport": ("传输方式", "Transport", "tcp 不丢包且可穿越防火墙。"),
        "timeout": ("超时", "Time-out", "这么久没有新画面，即判为中断。"),
        "watch": (
            "观看方式",
            "Watch",
            "always：每帧都可能分析；on_activity：仅在有动静或有目标停留时分析，平时占用很少。",
        ),
        "loop_filter": ("去块滤波", "Loop filter", "平滑编码块边缘；关闭可省约七分之一解码量，画面略粗。"),
        "every": ("间隔", "Every", "最多每隔这么久看一次。"),
        "http_snapshot.every": ("取图间隔", "Every", "每隔这么久取一张图片。"),
        "login_by": ("登录方式", "Login", "用户名和密码的发送方式；许多摄像机用 digest。"),
        "device": ("设备编号", "Device", "设备的国标（GB/T 28181）编号。"),
        "channel": ("通道编号", "Channel", "通道的国标（GB/T 28181）编号。"),
        "media_host": ("播放主机", "Media host", "平台给出的地址只有平台自己能访问时，改从此 主机[:端口] 播放。"),
        "path": ("文件", "File", "视频文件；相对路径从配置文件所在文件夹算起，var:… 为数据文件夹。"),
        "paced": ("按原速播放", "Paced", "像摄像机一样按原速给出画面；否则尽快读完。"),
        "loop": ("循环", "Loop", "播完从头再来，时间连续向前。"),
        "start": ("首帧时间", "Start", "第一帧的时间（含时区偏移）；不填则为读取时。"),
        "pictures_per_second": ("帧率", "Pictures a second", "用于没有时间戳的裸码流（.h264、.h265）。"),
        # detectors
        "labels": ("目标类别", "Labels", "计入的目标类别，如 car；不填则所有识别到的都算。"),
        "yolo.labels": ("目标类别", "Labels", "要识别的类别（COCO 名称）；car、truck、bus 请一并填写，远处难以区分。"),
        "confidence": ("最低置信度", "Confidence", "低于此置信度的检测不计，0–1。"),
        "yolo.confidence": ("起始置信度", "Confidence", "开始跟踪一个目标所需的置信度，0–1。"),
        "closer": (
            "放大区域",
            "Closer",
            "按原始分辨率分块再看的区域，用于很小的目标（如水中的人头）；每块与整幅画面一样费时。",
        ),
        "magnify": ("放大倍数", "Magnify", "分块中每个摄像机像素对应的模型像素数。"),
        "tiles": ("最多分块", "Tiles", "分块数上限；不够时自动降低放大倍数。"),
        "own_classes": ("自有类别", "Own classes", "类别属于自有模型而非 COCO；载入时核对。"),
        "flood_extent.zone": ("路面区域", "Zone", "可能被淹的路面区域。"),
        "fixed": ("不变区域", "Fixed", "水和车都到不了的背景区域：墙、杆、牌。"),
        "references": (
            "参考图片",
            "References",
            "两张以上本视角无积水的图片（也可含湿路面、夜间）；相对配置文件的路径。",
        ),
        "weights": ("自有模型", "Weights", "使用自己的模型，见 docs/water-models.md。"),
        "line": ("水尺线", "Line", "沿水尺、墙或路缘自上而下的线，在画面上编辑。"),
        "marks": ("刻度", "Marks", "线上已知的高度；三处以上可校正透视，在画面上编辑。"),
        "camera_roll_deg": ("画面倾斜", "Camera roll", "水平的水面在画面中向右下倾的角度。"),
        "beside": ("搜索宽度", "Beside", "在线的左右多宽内寻找水面，占画面宽度的比例。"),
        "zero_m": ("零点高程", "Zero", "水尺零点在高程基准中的高度。"),
        "vertical_datum": ("高程基准", "Vertical datum", "水位限值的零点，如 吴淞 或 1985。"),
        # rules on objects
        "at_least": ("至少持续", "At least", "目标停留这么久才告警。"),
        "congestion.at_least": ("至少持续", "At least", "车队排这么久才告警。"),
        "at_least_by_label": ("分类时限", "By label", "某些类别另定时限，例如 bus 30s、truck 10min。"),
        "motion": ("计时方式", "Motion", "stationary：从停下算起；any：在区域内即计时，走动也算。"),
        "keep_firing_for": ("保持", "Keep firing", "恢复正常或看不到目标超过这么久，告警才结束。"),
        "occluded_for": ("遮挡容忍", "Occluded for", "静止的目标消失后，这么久内视为被遮挡。"),
        "congestion_of": ("排队车数", "Queue of", "这么多辆前后相接即为排队，此间不算违停；与拥堵规则的车数相同。"),
        "vehicles": ("排队车数", "Vehicles", "这么多辆停着、彼此相近，即为排队。"),
        "median_confidence": ("置信度中位数", "Median confidence", "目标最近 15 次置信度的中位数须达到此值，0–1。"),
        "min_height": ("最小高度", "Least height", "框更矮的目标不计，占画面高度的比例。"),
        "max_height": ("最大高度", "Greatest height", "框更高的目标不计，占画面高度的比例。"),
        "except_zones": ("屏蔽区域", "Except zones", "这些区域内的目标不计：路边车位、海报等。"),
        "second_look": (
            "二次辨认",
            "Second look",
            "对始终没有看清的目标（第三高的置信度低于 0.5），告警前放大再看一次；P1 立即以疑似发出，未再看到则撤回。",
        ),
        "during": ("生效时段", "During", "规则何时生效（本市时间）；不填则一直生效。"),
        "pictures": ("出现次数", "Pictures", "最近若干张画面中至少出现这么多次。"),
        "of": ("画面张数", "Of", "见“出现次数”；不填则相同。"),
        "in_mode": ("模式下另定", "In mode", "城市进入某模式时采用的其他设置；同时有多个时取最先列出的。"),
        # rules on readings
        "quantity": ("监测量", "Quantity", "测的是什么：water_level、water_depth、rainfall、flow 等。"),
        "monitor": ("设备", "Monitor", "只看这个设备的读数；不填则全部。"),
        "above": ("上限", "Above", "达到或超过此值即告警。"),
        "time_to_threshold.above": ("限值", "Above", "将要达到的限值，与对应的超限规则一致。"),
        "needs": ("所需技能", "Needs", "每项技能需一支队伍到场；各取最近者，以其中最慢的为准。"),
        "travel": ("默认路程", "Travel", "没有已知可派人员时采用的路程时间。"),
        "margin": ("余量", "Margin", "到场后还需要的时间，例如出发准备和封路。"),
        "rain": ("雨量设备", "Rain", "本点位测雨的设备：雨势加强时，预计水涨得更快，最多两倍。"),
        "rate_of_rise.above": ("涨幅", "Above", "在窗口内上涨达到此值即告警。"),
        "below": ("下限", "Below", "达到或低于此值即告警。"),
        "unit": ("单位", "Unit", "限值的单位；不填则为该量的标准单位。"),
        "clear_at": ("恢复值", "Clear at", "回到此值算正常；不填则为上限的 80 %（下限的 125 %）。"),
        "clear_by": ("恢复差值", "Clear by", "分级时，低于各级这么多才算恢复；不填为 20 %，水位为 0.2 m。"),
        "bands": ("分级", "Bands", "同一告警的多个级别，由低到高。"),
        "stages": ("河道水位", "Stages", "以警戒、保证、历史最高水位分级；须填高程基准。"),
        "warning": ("警戒水位", "Warning stage", "P3。"),
        "guaranteed": ("保证水位", "Guaranteed stage", "P2。"),
        "record": ("历史最高水位", "Record", "P1。"),
        "pending_for": ("须持续", "Pending for", "超过限值这么久才告警；分级时为 60s。"),
        "samples": ("连续次数", "Samples", "连续这么多次读数越限才告警。"),
        "over": ("窗口", "Over", "时间窗口的长度，例如 1h。"),
        "given_as": ("读数含义", "Given as", "amount：每次为上次以来的雨量；total：只增的累计值。"),
        "resolution": ("计数分辨率", "Resolution", "雨量计分辨率：这么小的回落不算清零。"),
        "after": ("超过", "After", "超过这么久没有读数（或读数不变）即告警。"),
        "lowest": ("最小可能值", "Lowest", "更小的值不可能。"),
        "highest": ("最大可能值", "Highest", "更大的值不可能。"),
        "readings": ("读数次数", "Readings", "且至少有这么多次读数。"),
        "within": ("容差", "Within", "相差不超过此值视为不变，以该量的标准单位计。"),
        "rests_at": ("静止值", "Rests at", "可一直停在的值；水深和雨量不填时为 0。"),
    }
)
_OTHERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {  # named in what differs, not in a form
        "name": ("名称", "Name"),
        "location": ("位置", "Location"),
        "lat": ("纬度", "Latitude"),
        "lon": ("经度", "Longitude"),
        "grid": ("网格编码", "Grid"),
        "profile": ("点位类型", "Profile"),
        "catchment": ("水系或路网", "Catchment"),
        "kind": ("种类", "Kind"),
        "polygon": ("轮廓", "Outline"),
        "sites": ("点位", "Sites"),
        "zones": ("区域", "Zones"),
        "rules": ("规则", "Rules"),
        "detectors": ("识别", "Detectors"),
        "health": ("摄像机健康", "Camera health"),
        "task": ("任务", "Task"),
        "water_class": ("水体类别", "Water class"),
        "licence": ("许可", "Licence"),
        "threshold": ("阈值", "Threshold"),
        "sha256": ("SHA-256", "SHA-256"),
        "row": ("行", "Row"),
        "cm": ("厘米", "cm"),
    }
)


def setting_words() -> dict[str, dict[str, list[str]]]:
    """By language and key: what the setting is called, and where the language is not the schemas', what it means."""
    return {
        "zh": {key: [zh, meaning] for key, (zh, _, meaning) in FIELDS.items()}
        | {key: [zh] for key, (zh, _) in _OTHERS.items()},
        "en": {key: [en] for key, (_, en, _) in FIELDS.items()} | {key: [en] for key, (_, en) in _OTHERS.items()},
    }
