"""Texts of the page Health and of `app.py doctor`: how each part is, and how a fault is mended."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HEALTH: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.health": ("健康", "Health"),
        "health.read_at": ("读取于 {time}", "read at {time}"),
        "health.part": ("部分", "Part"),
        "health.state": ("状态", "State"),
        "health.found": ("情况", "What was found"),
        "health.repair": ("处置", "What to do"),
        "health.state.ok": ("正常", "well"),
        "health.state.warn": ("▲ 注意", "▲ look at it"),
        "health.state.fault": ("⚠ 故障", "⚠ fault"),
        "health.part.store": ("数据库", "Database"),
        "health.part.server": ("数据库服务器", "Database server"),
        "health.part.pages": ("数据页校验", "Page checksums"),
        "health.part.disk": ("磁盘", "Disk"),
        "health.part.process": ("进程", "Processes"),
        "health.part.timers": ("定时", "Timers"),
        "health.part.queues": ("待存数据", "Queues"),
        "health.part.certificate": ("证书", "Certificate"),
        "health.part.device": ("设备", "Devices"),
        "health.part.alarm": ("系统告警", "Alarms of the system"),
        "health.part.heartbeat": ("对外心跳", "Heartbeat"),
        "health.part.token": ("令牌", "Tokens"),
        "health.part.settings": ("设置", "Settings"),
        "health.part.handover": ("交接班", "Shift handover"),
        "health.handover_outgoing": (
            "{at} 换班，交班人尚未签字",
            "The shift changed at {at}; who handed over has not signed",
        ),
        "repair.handover_outgoing": (
            "请交班人在“交接班”页签字；值守照常，不受影响",
            "Let the outgoing officer sign on the page Handover; work goes on meanwhile",
        ),
        "health.handover_incoming": (
            "{at} 换班，接班人尚未签字",
            "The shift changed at {at}; who took over has not signed",
        ),
        "repair.handover_incoming": (
            "请接班人在“交接班”页签字；值守照常，不受影响",
            "Let the incoming officer sign on the page Handover; work goes on meanwhile",
        ),
        "health.settings": ("第 {version} 版设置生效中", "Version {version} of the settings is in force"),
        "health.settings_unreadable": (
            "第 {newest} 版设置读不出，仍按第 {version} 版运行：{reason}",
            "Version {newest} of the settings cannot be read, version {version} goes on: {reason}",
        ),
        "repair.settings_unreadable": (
            "在“设置”页改正后保存，或恢复旧版；也可以用 python app.py settings restore {version}",
            "Mend it on the page Set-up and save, or go back to an earlier version there; or: "
            "python app.py settings restore {version}",
        ),
        "health.tokens": ("{n} 天内没有令牌到期", "No token ends within {n} days"),
        "health.token_soon": (
            "{name} 的令牌“{label}”还有 {n} 天到期（{day}）",
            "{name}: the token “{label}” ends in {n} days ({day})",
        ),
        "repair.token_soon": (
            "签发新令牌：python app.py users token {who} --label {quoted}（或“账户”页），换到设备上；"
            "旧的再用 python app.py users revoke {who} --id {id} 作废",
            "Issue a new one: python app.py users token {who} --label {quoted} (or the page Accounts), put it into "
            "the device, then end the old one: python app.py users revoke {who} --id {id}",
        ),
        "health.token_over": (
            "{name} 的令牌“{label}”已于 {day} 到期，用它的设备或系统已无法登录",
            "{name}: the token “{label}” ended on {day}; what used it is let in no more",
        ),
        "repair.token_over": (
            "仍在使用：python app.py users token {who} --label {quoted} 签发新令牌；"
            "不再使用：python app.py users revoke {who} --id {id} 消除本提示",
            "Still in use: issue a new one, python app.py users token {who} --label {quoted}; no longer: "
            "python app.py users revoke {who} --id {id} takes this finding away",
        ),
        "health.store": ("数据库 {ms} 毫秒内应答", "The database answers within {ms} ms"),
        "health.store_slow": ("数据库应答慢：{ms} 毫秒", "The database is slow: {ms} ms"),
        "repair.store_slow": (
            "检查磁盘速度，以及是否有备份、杀毒等程序占用磁盘",
            "See how fast the disk is, and whether a backup or a virus scanner keeps it busy",
        ),
        "health.store_away": ("数据库无法读取", "The database cannot be read"),
        "repair.store_away": (
            "SQLite：检查 var 目录权限和磁盘；PostgreSQL：检查服务是否运行。"
            "已收到的数据暂存在 var/spool、var/inbox，恢复后自动入库",
            "SQLite: look at the rights of the var folder and at the disk; PostgreSQL: does the server run? What was "
            "received waits in var/spool and var/inbox and is stored when it is back",
        ),
        "health.server": (
            "PostgreSQL {version}，数据库 {name}，已用 {n} / {limit} 个连接",
            "PostgreSQL {version}, database {name}, {n} of {limit} connections taken",
        ),
        "health.server_full": (
            "PostgreSQL {version}，数据库 {name}，连接将用尽：{n} / {limit}",
            "PostgreSQL {version}, database {name}, nearly out of connections: {n} of {limit}",
        ),
        "repair.server_full": (
            "在 postgresql.conf 中调大 max_connections 并重启服务器，或查看 pg_stat_activity 中是谁占用",
            "Raise max_connections in postgresql.conf and restart the server, or see in pg_stat_activity who has them",
        ),
        "health.pages": ("PostgreSQL 读取每页时核对校验和", "PostgreSQL verifies the checksum of every page it reads"),
        "health.pages_unverified": (
            "PostgreSQL 不核对数据页校验和：磁盘上变了的一位会被当作真值显示",
            "PostgreSQL verifies no checksums of pages: a bit that changed on the disk would be shown as true",
        ),
        "repair.pages_unverified": (
            "停止 PostgreSQL，执行 pg_checksums --enable -D 数据目录，再启动（新建集群：initdb --data-checksums）；"
            "若设置了 ignore_checksum_failure = on，请去掉",
            "Stop PostgreSQL, run pg_checksums --enable -D DATA_FOLDER and start it (for a new cluster: initdb "
            "--data-checksums); take away ignore_checksum_failure = on where it is set",
        ),
        "health.pages_damaged": (
            "PostgreSQL 读到 {n} 个校验和不符的数据页",
            "PostgreSQL has read {n} pages whose checksum does not fit",
        ),
        "repair.pages_damaged": (
            "检查磁盘；恢复最近的备份：python app.py restore 备份目录 --replace。之后用 "
            "SELECT pg_stat_reset() 清零计数",
            "See to the disk and bring back the last backup: python app.py restore BACKUP --replace. Afterwards "
            "SELECT pg_stat_reset() sets the count to nought",
        ),
        "health.disk": ("剩余 {free} GB", "{free} GB are free"),
        "health.disk_low": ("磁盘将满：剩余 {free} GB", "The disk is nearly full: {free} GB are free"),
        "repair.disk_low": (
            "清理磁盘，或把旧的取证图片（var/evidence）移到别处",
            "Free space, or move old evidence (var/evidence) elsewhere",
        ),
        "health.disk_full": ("磁盘已满：剩余 {free} GB", "The disk is full: {free} GB are free"),
        "repair.disk_full": (
            "立即清理磁盘：新的操作已无法保存",
            "Free space at once: nothing new can be stored",
        ),
        "health.disk_away": ("无法访问目录 {folder}", "The folder {folder} cannot be reached"),
        "repair.disk_away": ("检查磁盘是否挂载、目录权限", "See whether the disk is mounted, and the folder's rights"),
        "health.processes": ("{n} 个进程运行中", "{n} processes run"),
        "health.not_running": ("系统没有运行", "The system does not run"),
        "repair.not_running": (
            "启动：python app.py run --config config.yaml --var var",
            "Start it: python app.py run --config config.yaml --var var",
        ),
        "health.process_dead": ("进程 {name} 没有运行", "The process {name} does not run"),
        "repair.process_dead": (
            "主程序会自动重启它；若一分钟后仍未恢复，请看日志中该进程的最后几行，并重启系统",
            "The parent starts it again; if it is not back after a minute read its last lines in the log and restart",
        ),
        "health.process_restarts": (
            "进程 {name} 自启动以来重启了 {n} 次",
            "The process {name} was restarted {n} times since the start",
        ),
        "repair.process_restarts": (
            "查看日志中该进程名的错误；内存不足时减少摄像机或增加内存",
            "Read the errors of this process in the log; where memory is short use fewer cameras or more memory",
        ),
        "health.timers": ("定时任务准时", "Timers are in time"),
        "health.timers_late": ("定时任务延误 {s} 秒", "Timers are {s} s late"),
        "repair.timers_late": (
            "检查 clock 进程是否运行（见上），以及系统时间是否正确",
            "See whether the process clock runs (above), and whether this machine's time is right",
        ),
        "health.queues": ("没有积压", "Nothing waits"),
        "health.spool_old": (
            "{n} 个文件等待入库，最早 {s} 秒",
            "{n} files of signals wait to be stored, the oldest for {s} s",
        ),
        "repair.spool_old": (
            "数据没有丢失；检查数据库和磁盘，恢复后自动入库",
            "Nothing is lost; look at the database and the disk, then they are stored by themselves",
        ),
        "health.inbox_full": ("{n} 条上报读数等待处理", "{n} files of readings wait to be judged"),
        "repair.inbox_full": (
            "检查 sensors 进程是否运行、是否太忙",
            "See whether the process sensors runs, and whether it is too busy",
        ),
        "health.certificate": ("证书有效至 {day}", "The certificate holds until {day}"),
        "health.certificate_soon": ("证书还有 {n} 天到期（{day}）", "The certificate ends in {n} days ({day})"),
        "repair.certificate_soon": (
            "更新证书文件后重启；自建证书：python app.py tls init",
            "Renew the certificate file and restart; one of our own: python app.py tls init",
        ),
        "health.certificate_over": ("证书已于 {day} 过期", "The certificate ended on {day}"),
        "repair.certificate_over": (
            "立即更新证书文件并重启；自建证书：python app.py tls init",
            "Renew the certificate file at once and restart; one of our own: python app.py tls init",
        ),
        "health.certificate_unreadable": ("证书 {file} 无法读取", "The certificate {file} cannot be read"),
        "repair.certificate_unreadable": (
            "检查 --tls-cert 指向的文件和权限",
            "Look at the file that --tls-cert names, and at its rights",
        ),
        "health.devices": ("{n} / {all} 个点位可读", "{n} of {all} sites can be read"),
        "health.recording_gap": (
            "{site}：近 24 小时录像有 {n} 处缺口，共 {s} 秒，最近一处止于 {last}",
            "{site}: {n} gaps in the video of the last 24 hours, {s} s together, the last one ended at {last}",
        ),
        "repair.recording_gap": (
            "缺口内没有录像，对应片段会注明缺少几秒；反复出现时检查摄像机网络与供电、主机负载，"
            "以及日志中 “video are missing” 各行",
            "There is no video of these times, and clips tell how much they miss; when it comes again and again see to "
            "the camera's network and power and to this machine's load, and to “video are missing” in the log",
        ),
        "health.device_lost": ("{site} 无法读取", "{site} cannot be read"),
        "repair.device_lost": (
            "在“设置”页查看断开原因；检查设备电源、网络和口令",
            "See the reason on the page Set-up; look at the device's power, network and password",
        ),
        "health.device_silent": ("{site} {what} 没有数据", "{site} {what} says nothing"),
        "repair.device_silent": (
            "检查传感器电源和通信；在“拒收”页看它发来的数据是否被拒绝",
            "Look at the sensor's power and link; the page Rejects tells whether what it sends is refused",
        ),
        "health.device_awaited": ("{site} {what} 从未发来数据", "{site} {what} has never sent a reading"),
        "repair.device_awaited": (
            "核对设备发送的地址、主题和令牌；在“拒收”页看它发来的数据是否被拒绝",
            "Compare address, topic and token of the device; the page Rejects tells whether what it sends is refused",
        ),
        "health.alarm": ("系统告警：{kind} {what}", "Alarm of the system: {kind} {what}"),
        "repair.alarm": ("在“值班”页打开第 {n} 号告警", "Open alert {n} on the page Duty"),
        "health.heartbeat": ("对外心跳正常", "The heartbeat is received"),
        "health.heartbeat_none": ("对外心跳尚未发出", "No heartbeat was sent yet"),
        "repair.heartbeat_none": ("检查 clock 进程是否运行", "See whether the process clock runs"),
        "health.heartbeat_refused": ("对外心跳未被接收：{reason}", "The heartbeat is not received: {reason}"),
        "repair.heartbeat_refused": (
            "检查 config.yaml 中 heartbeat.url 和到外网的连接",
            "Look at heartbeat.url in config.yaml and at the way to it",
        ),
        "health.heartbeat_late": ("对外心跳最后一次在 {at}", "The last heartbeat was at {at}"),
        "repair.heartbeat_late": ("检查 clock 进程是否运行", "See whether the process clock runs"),
    }
)
