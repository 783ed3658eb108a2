"""Words of a screen on a wall, and of the link that is down, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

KIOSK = MappingProxyType(
    {
        "role.wall": ("大屏终端", "Wall screen"),
        "link.down": (
            "与服务器的连接自 {at} 中断，已 {for}；下列内容不是最新",
            "No link to the server since {at}, for {for}: what is shown is old",
        ),
        "kiosk.sound.on": ("声音已开", "Sound on"),
        "kiosk.sound.off": ("无声音：请按任意键或点击屏幕", "No sound: press a key or click the screen"),
        "kiosk.hand": ("在此大屏上操作", "Acting at this screen"),
        "kiosk.hand.hint": (
            "此操作记在您的名下。输入用户名和密码；有两步验证的，再输入验证码。",
            "This step is booked on you. User name and password; the code as well where you have a second factor.",
        ),
        "kiosk.hand.name": ("用户名", "User name"),
        "kiosk.hand.password": ("密码", "Password"),
        "kiosk.hand.code": ("验证码（如已启用两步验证）", "Code (where there is a second factor)"),
        "kiosk.hand.do": ("确认操作", "Do it"),
        "kiosk.hand.cancel": ("取消", "Cancel"),
        "kiosk.hand.none": ("未执行任何操作", "Nothing was done"),
        "kiosk.hand.done": ("已记在 {who} 名下", "Booked on {who}"),
        "kiosk.keys": (
            "F 全屏 · J / K 选择 · A 确认（需密码）",
            "F full screen · J / K choose · A acknowledge (with a password)",
        ),
        "shortcut.full": ("全屏、退出全屏", "full screen, and back"),
        "refused.hand.gone": (
            "授权已使用或已过期，请重新输入密码",
            "This permission was used or has expired: enter the password again",
        ),
        "refused.hand.wrong": ("用户名或密码不正确", "The user name or the password is wrong"),
        "refused.hand.code": ("还需要两步验证的验证码", "The code of the second factor is needed too"),
        "refused.hand.code_wrong": ("验证码不正确或已使用过", "The code is wrong or has been used"),
        "refused.hand.no_factor": (
            "您的角色须先在账号页启用两步验证",
            "Your role needs a second factor: set one up on your account page first",
        ),
        "refused.hand.screen": ("只能在已登记的大屏上操作", "This is possible at an enrolled screen only"),
        "refused.screen.not_added": (
            "大屏须用一次性代码登记，不能新建为用户",
            "A screen is enrolled by a code, not added as a user",
        ),
        "refused.screen.stays": (
            "大屏终端与人员的角色不能互换，也没有密码",
            "A screen stays a screen: it has no password, and no person becomes one",
        ),
    }
)
