"""Refusals of the server as the screens say them: a sentence for each key of `data.errors.YipingError`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "refused.camera_test.busy": (
            "已有 {n} 台设备正在测试，请稍候",
            "{n} devices are being tested already: try again in a moment",
        ),
        "refused.camera_test.away": (
            "后台进程没有响应，无法测试（请看“健康”页）",
            "The engine does not answer, so nothing can be tested (see Health)",
        ),
        "refused.drill.devices": ("演练中不访问任何设备", "This is a drill: no device is asked"),
        "refused.reference.many": (
            "一个点位最多保存 {n} 张参考图片",
            "At most {n} reference pictures are kept of a site",
        ),
        "refused.camera_test.kind": ("没有“{kind}”这种摄像机", "There is no kind of camera {kind}"),
        "refused.gauge_test.kind": ("没有“{kind}”这种传感器", "There is no kind of gauge {kind}"),
        "refused.gauge_test.calls_us": (
            "这种传感器由对方主动发来，无法测试：保存后看读数",
            "This gauge is told by its sender: save it, then look at its readings",
        ),
        "refused.export.own": (
            "您已有 {n} 个导出在进行，请等其中一个完成",
            "{n} exports of yours are being made: please wait until one has ended",
        ),
        "refused.export.full": (
            "导出排队已满（{n} 个在等），请过几分钟再试",
            "The line of exports is full ({n} wait): please try again in some minutes",
        ),
        "refused.export.late": (
            "等了 {n} 秒仍未轮到，请过几分钟再试",
            "After {n} s it was not its turn yet: please try again in some minutes",
        ),
        "refused.what_if.span": ("请选不超过 24 小时的时段", "Choose a span of up to 24 hours"),
        "refused.what_if.busy": (
            "正在推演另一个时段，请稍候再试",
            "Another span is being judged again: please try again in a moment",
        ),
        "refused.what_if.long": ("这个时段推演太久，请缩短", "This takes too long: choose a shorter span"),
        "refused.what_if.nothing": ("这个时段没有留存的观测", "No observations are kept of this span"),
        "refused.what_if.value": ("这个值不能用：{told}", "This value cannot be used: {told}"),
        "refused.what_if.site": ("没有站点 {site}", "There is no site {site}"),
        "refused.review.signed": ("复盘报告 {review} 已签署，不能再改", "Report {review} is signed; it stays as it is"),
        "refused.review.stale": (
            "第 {base} 版之后已有人保存，现为第 {version} 版：请先重新读取",
            "After version {base} somebody else has saved; it is now {version}: read it again first",
        ),
        "refused.review.font": (
            "服务器没有中文字体 {font}，无法生成 PDF",
            "The server has no font {font}: no PDF can be made",
        ),
        "refused.review.empty": ("请写下批注", "Write the comment first"),
        "refused.review.number": ("请给出编号", "Give its number"),
        "refused.review.span": ("请选不超过 {n} 天的时段", "Choose a span of up to {n} days"),
        "refused.review.owner": ("第 {n} 项措施没有责任单位或责任人", "Measure {n} has no owner"),
        "refused.role": ("{role}无权进行这一操作", "{role} may not do this"),
        "refused.system": ("这一步只由系统完成", "Only the system takes this step"),
        "refused.reason": ("请写明理由", "Give a reason"),
        "refused.reason.long": (
            "理由最多 {limit} 字，现有 {n} 字",
            "A reason has at most {limit} characters, this has {n}",
        ),
        "refused.alert.now": ("告警 {alert} 目前不能这样处理", "This is not possible for alert {alert} now"),
        "refused.alert.over": ("告警 {alert} 已于 {at} 恢复正常", "Alert {alert} returned to normal at {at}"),
        "refused.alert.open": ("告警 {alert} 尚未恢复", "Alert {alert} is still open"),
        "refused.alert.acknowledged": (
            "告警 {alert} 已由{by}于 {at} 确认",
            "Alert {alert} was acknowledged by {by} at {at}",
        ),
        "refused.alert.unacknowledged": ("告警 {alert} 尚未确认", "Alert {alert} is not acknowledged"),
        "refused.alert.shelved": (
            "告警 {alert} 已由{by}搁置至 {until}",
            "Alert {alert} is shelved by {by} until {until}",
        ),
        "refused.alert.unshelved": ("告警 {alert} 没有搁置", "Alert {alert} is not shelved"),
        "refused.alert.out_of_service": (
            "告警 {alert} 已停用，工单 {order}",
            "Alert {alert} is out of service, work order {order}",
        ),
        "refused.alert.in_service": ("告警 {alert} 没有停用", "Alert {alert} is in service"),
        "refused.alert.confirmed": ("告警 {alert} 已核实", "Alert {alert} is confirmed already"),
        "refused.alert.dismissed": ("告警 {alert} 已被人工排除", "Alert {alert} was dismissed by a person"),
        "refused.alert.worked_on": (
            "告警 {alert} 正在处置：任务 {task}（{who}，{task_state}）",
            "Alert {alert} is being worked on: task {task} ({who}, {task_state})",
        ),
        "refused.shelf.past": ("搁置的结束时间必须在将来", "A shelf ends in the future"),
        "refused.shelf.long": ("{role}最多可搁置 {n} 分钟", "{role} may shelve for {n} min at most"),
        "refused.task.state": (
            "任务 {task} 现为“{task_state}”（{who}），不能这样操作",
            "Task {task} is {task_state} ({who}): this is not possible now",
        ),
        "refused.task.unit": ("任务 {task} 属于其他单位", "Task {task} is another unit's"),
        "refused.task.not_offered": ("任务 {task} 没有派给您", "Task {task} was not offered to you"),
        "refused.task.others": ("任务 {task} 由{who}负责", "Task {task} is {who}'s"),
        "refused.task.own_work": ("不能核查自己完成的任务 {task}", "Nobody verifies their own work (task {task})"),
        "refused.task.returned_once": (
            "任务 {task} 已退过一次，再退须先裁定",
            "Task {task} was returned once already; a second return needs a ruling",
        ),
        "refused.offer.declined": (
            "任务 {task} 的派单已于 {at} 被谢绝",
            "The offer of task {task} was declined at {at}",
        ),
        "refused.offer.expired": ("任务 {task} 的派单已于 {at} 超时", "The offer of task {task} expired at {at}"),
        "refused.offer.withdrawn": (
            "任务 {task} 的派单已于 {at} 撤回",
            "The offer of task {task} was withdrawn at {at}",
        ),
        "refused.offer.answered": ("任务 {task} 的派单已于 {at} 答复", "The offer of task {task} was answered at {at}"),
        "refused.report.empty": ("请附照片或文字", "A report needs a photo or a text"),
        "refused.report.photo": ("任务 {task} 要求附照片", "Task {task} asks for a photo"),
        "refused.nobody": ("无人可派：{unfit_each}", "Nobody can be sent: {unfit_each}"),
        "refused.nobody.named": ("不能派{who}：{unfit}", "{who} cannot be sent: {unfit}"),
        "refused.nobody.as_urgent": (
            "{who}正在处置同样紧急的任务 {task}，不能抽调",
            "{who} does task {task}, which is as urgent, and is not taken away",
        ),
        "refused.offer.open": ("已派给{who}，正在等待应答", "It is offered to {who} already, who has yet to answer"),
        "refused.task.of_unit": (
            "任务 {task} 已交给单位；先改派，再派给个人",
            "Task {task} is a unit's: reassign it before you offer it to a person",
        ),
        "refused.claim.held": ("{who}从 {at} 起正在处理", "{who} is on it since {at}"),
        "refused.conflict.claimed": ("{who}正在处理告警 {alert}", "{who} is on alert {alert}"),
        "refused.conflict.dispatched": (
            "{who}已为告警 {alert} 派遣（任务 {task}，{task_state}）",
            "{who} has dispatched for alert {alert} (task {task}, {task_state})",
        ),
        "refused.undo.nothing": ("没有可以撤销的步骤", "There is nothing to take back"),
        "refused.undo.others": ("这一步是{who}做的，只能由本人撤销", "That was {who}'s step: only they take it back"),
        "refused.undo.late": ("已超过 {n} 秒，不能撤销", "More than {n} s have passed: it is not taken back any more"),
        "refused.undo.accepted": ("{who}已接单，不能撤销", "{who} has accepted meanwhile: it is not taken back"),
        "refused.alert.not_dismissed": ("告警 {alert} 没有被判为误报", "Alert {alert} is not dismissed"),
        "refused.event.state": (
            "事件 {event} 现为“{event_state}”，不能这样操作",
            "Event {event} is {event_state}: this is not possible now",
        ),
        "refused.event.closed": (
            "事件 {event}（告警 {alert}）已于 {at} 结案",
            "Event {event} of alert {alert} was closed at {at}",
        ),
        "refused.event.suspended": (
            "事件 {event}（告警 {alert}）已挂账",
            "Event {event} of alert {alert} is suspended",
        ),
        "refused.case.reason": ("事件 {event}：请写明理由", "Event {event}: give a reason"),
        "refused.case.filing": ("事件 {event} 未满足立案条件", "Event {event} does not meet its filing conditions"),
        "refused.case.sent_or_led": ("事件 {event} 尚未指定牵头单位", "Event {event} has no lead"),
        "refused.case.has_work": ("事件 {event} 没有进行中的任务", "Event {event} has no open task"),
        "refused.case.all_done": ("事件 {event} 的任务尚未全部完成", "Not all tasks of event {event} are done"),
        "refused.case.nobody_at_work": ("事件 {event} 仍有任务在进行", "Event {event} still has open tasks"),
        "refused.case.not_own_work": (
            "不能核查自己处置的事件 {event}",
            "Nobody verifies their own work (event {event})",
        ),
        "refused.case.called_back": (
            "事件 {event} 须先回访报告人，并得到满意答复",
            "Whoever reported event {event} must be called back and satisfied first",
        ),
        "refused.case.closing": ("事件 {event} 未满足结案条件", "Event {event} does not meet its closing conditions"),
        "refused.case.split": ("事件 {event} 的各区尚未商定分工", "The districts of event {event} have not agreed yet"),
        "refused.case.asked": (
            "本区没有收到共管事件 {event} 的请求",
            "This district was not asked to hold event {event}",
        ),
        "refused.case.shared": ("事件 {event} 不是共管事件", "Event {event} is not shared"),
        "refused.case.more_time": ("事件 {event}：请填写延长的时间", "Event {event}: say how much more time"),
        "refused.case.carried_out": ("事件 {event} 没有完成的任务", "No task of event {event} was carried out"),
        "audit.import_settings": ("导入设置", "imported the settings"),
        "audit.keep_reference": ("保存参考图片", "kept a reference picture"),
        "audit.save_settings": ("保存设置", "saved the settings"),
        "audit.restore_settings": ("恢复旧设置", "went back to earlier settings"),
        "refused.settings.file": (
            "设置以 config.yaml 文件为准；要在这里修改，请在文件里写 config: screen 并重新启动",
            "config.yaml is the truth here; write config: screen into it and start again to change settings here",
        ),
        "refused.settings.stale": (
            "{who} 已另存为第 {version} 版，您改的是第 {base} 版；请先看一下差异再改",
            "{who} saved version {version} meanwhile; yours began with version {base}. Look at what differs first",
        ),
        "refused.settings.same": ("没有任何改动", "Nothing differs from what is in force"),
        "refused.settings.wrong": ("有 {n} 处不对，没有保存", "{n} things are wrong; nothing was saved"),
        "refused.setting.mapping": ("这里应为一组设置（名称: 值）", "This must be a mapping of settings"),
        "refused.setting.large": (
            "设置共 {n} 字符，最多 {limit} 字符",
            "The settings have {n} characters, at most {limit} are kept",
        ),
        "refused.setting.machine": (
            "“{name}”属于本机：请改 config.yaml 并重新启动",
            "{name} belongs to this machine: change it in config.yaml and start again",
        ),
        "refused.setting.file": (
            "这里不能指定文件 {name}：只能是 config.yaml 所在目录或 VAR 中自建目录里的文件",
            "The file {name} may not be named here: only one beside config.yaml, or in a folder of its own in VAR",
        ),
        "refused.setting.masked": (
            "*** 代表一个这里不知道的密钥：请写出密钥本身",
            "*** stands for a key that is not known here: write the key itself",
        ),
        "refused.setting.country": ("没有国家代码“{name}”的节假日", "No holidays of the country {name} are known"),
        "refused.setting.kind": ("请选种类，例如 {example}", "Choose a kind, e.g. {example}"),
        "refused.setting.kind.unknown": ("没有“{name}”这一种类", "There is no kind {name}"),
        "refused.setting.unknown": ("没有“{name}”这一设置", "There is no setting {name}"),
        "refused.setting.missing": ("缺少“{name}”", "{name} is missing"),
        "refused.setting.text": ("应为文字", "This must be text"),
        "refused.setting.integer": ("应为整数", "This must be a whole number"),
        "refused.setting.number": ("应为数字", "This must be a number"),
        "refused.setting.bool": ("应为是或否", "This must be true or false"),
        "refused.setting.list": ("应为列表", "This must be a list"),
        "refused.setting.at_least": ("不得小于 {limit}", "At least {limit}"),
        "refused.setting.above": ("应大于 {limit}", "More than {limit}"),
        "refused.setting.at_most": ("不得大于 {limit}", "At most {limit}"),
        "refused.setting.below": ("应小于 {limit}", "Less than {limit}"),
        "refused.setting.choice": ("只能是 {expected} 之一", "One of {expected}"),
        "refused.setting.few": ("至少要 {limit} 个", "At least {limit} of them"),
        "refused.setting.many": ("最多 {limit} 个", "At most {limit} of them"),
        "refused.setting.short": ("至少 {limit} 字", "At least {limit} characters"),
        "refused.setting.long": ("最多 {limit} 字", "At most {limit} characters"),
        "refused.setting.pattern": ("写法不对", "This is not written as it must be"),
        "refused.setting.taken": ("编号“{name}”已被 {first} 占用", "The id {name} is taken by {first}"),
        "refused.setting.zone": ("没有“{name}”这一区域", "There is no zone {name}"),
        "refused.setting.channel": ("没有“{name}”这一通知渠道", "There is no channel {name}"),
        "refused.setting.credentials": (
            "secrets.yaml 里没有名为“{name}”的账号",
            "secrets.yaml holds no credentials called {name}",
        ),
        "refused.setting.zone.no_area": (
            "区域没有面积：至少要三个不在一条线上的角",
            "The zone has no area: give at least three corners that are not on one line",
        ),
        "refused.setting.zone.crosses": (
            "区域的边自相交叉：第 {first} 角之后的边与第 {second} 角之后的边相交；请沿边界依次画角",
            "The outline crosses itself: the side after corner {first} cuts the side after corner {second}; draw the "
            "corners in order around the zone",
        ),
        "refused.setting.zone.touches": (
            "区域的边自相接触：第 {corner} 角压在第 {side} 角之后的边上；请移开，或分成两个区域",
            "The outline touches itself: corner {corner} lies on the side after corner {side}; move it off, or make "
            "two zones of it",
        ),
        "refused.setting.zone.name": (
            "名称 {name} 首尾有空格，或含看不见的字符",
            "{name} begins or ends with a space, or holds a character that cannot be seen",
        ),
    }
)
