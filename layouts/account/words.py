"""Texts of the account pages, Chinese and English. The script gets them all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from layouts.words import LANGUAGES, Language

_TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "product": ("一屏", "Yiping"),
        "account": ("账号", "Account"),
        "accounts": ("用户管理", "Users"),
        "reset": ("设置密码", "Set a password"),
        "back": ("返回", "Back"),
        "other_language": ("English", "中文"),
        "log_out": ("退出登录", "Log out"),
        "no_script": ("此页面需要启用 JavaScript。", "This page needs JavaScript."),
        "loading": ("正在读取…", "Loading…"),
        "done": ("已完成", "Done"),
        "save": ("保存", "Save"),
        "cancel": ("取消", "Cancel"),
        "close": ("关闭", "Close"),
        "copy": ("复制", "Copy"),
        "copied": ("已复制", "Copied"),
        # one's own
        "own_password": ("登录密码", "Password"),
        "password_rule": (
            "至少 12 个字符；不能只由常见单词、姓名、日期、连续数字或键盘顺序组成。可以用一句自己的话。",
            "12 characters or more, not made of common words, names, dates, runs of digits or keyboard patterns alone. "
            "A sentence of your own is fine.",
        ),
        "no_password": (
            "此账号没有密码，请向管理员索取一次性代码。",
            "This account has no password; ask an administrator for a one-time code.",
        ),
        "current_password": ("当前密码", "Present password"),
        "new_password": ("新密码", "New password"),
        "again": ("再输入一次新密码", "New password once more"),
        "change_password": ("修改密码", "Change the password"),
        "differs": ("两次输入的新密码不一致", "The two new passwords differ"),
        "password_changed": (
            "密码已修改；其他登录和全部令牌已失效（{n} 个）",
            "Password changed; {n} other sessions and tokens have ended",
        ),
        "sessions": ("登录与令牌", "Sessions and tokens"),
        "sessions_hint": (
            "不认识的登录请立即结束，并修改密码。",
            "End at once what you do not know, and change the password.",
        ),
        "end": ("结束", "End"),
        "end_others": ("结束其他全部登录和令牌", "End all others"),
        "ended": ("已结束 {n} 个", "{n} ended"),
        "this_one": ("当前", "this one"),
        "kind.session": ("登录", "Session"),
        "kind.token": ("令牌", "Token"),
        "kind.screen": ("大屏", "Wall screen"),
        "since": ("开始", "Since"),
        "until": ("到期", "Expires"),
        "used": ("最近使用", "Last used"),
        "origin": ("来源", "From"),
        "never": ("不过期", "never"),
        "soon": ("即将到期", "expires soon"),
        "unknown_use": ("—", "—"),
        # second factor
        "second_hint": (
            "登录时除密码外再验证一次：验证器 App 的 6 位数字，或通行密钥（指纹、面容、安全密钥）。",
            "At login, besides the password: six digits of an authenticator app, or a passkey (finger, face, key).",
        ),
        "second_required": (
            "您的角色必须启用两步验证，设置完成前不能使用其他页面。",
            "Your role needs a second factor; the other pages open when it is set up.",
        ),
        "second_from_provider": ("由统一认证平台负责", "Looked after by the identity provider"),
        "kind.totp": ("验证器 App", "Authenticator app"),
        "kind.passkey": ("通行密钥", "Passkey"),
        "factor_label": ("名称（如：我的手机）", "Name (e.g. my phone)"),
        "add_totp": ("添加验证器 App", "Add an authenticator app"),
        "add_passkey": ("添加通行密钥", "Add a passkey"),
        "no_passkeys_here": (
            "通行密钥需要用域名和 HTTPS 打开本系统（不能是 IP 地址）。",
            "Passkeys need this system opened by a host name with HTTPS, not by an IP address.",
        ),
        "scan": (
            "用验证器 App 扫描二维码，或手工输入密钥，再填入它显示的 6 位数字。",
            "Scan the code with the app, or type the key in, then enter the six digits that it shows.",
        ),
        "six_digits": ("6 位数字", "Six digits"),
        "confirm": ("确认", "Confirm"),
        "remove": ("移除", "Remove"),
        "ask_password": ("请输入当前密码", "Your present password"),
        "go_on": ("继续", "Go on"),
        "recovery": ("恢复码", "Recovery codes"),
        "recovery_left": ("还剩 {n} 个恢复码", "{n} recovery codes are left"),
        "recovery_new": ("重新生成恢复码", "New recovery codes"),
        "recovery_hint": (
            "手机丢失时每个码可用一次。请抄写或打印后妥善保存，只显示这一次。",
            "For the day the phone is lost; each works once. Write them down: they are shown this once.",
        ),
        "factor_added": ("两步验证已启用", "The second factor is set up"),
        "remove-second-factor": ("移除两步验证", "Remove second factor"),
        "sure_second": (
            "移除 {name} 的全部两步验证？之后仅凭密码即可登录。",
            "Remove every second factor of {name}? The password alone lets in afterwards.",
        ),
        # screens on a wall
        "screen": ("登记大屏", "Enrol a wall screen"),
        "screen_hint": (
            "输入管理员给出的一次性代码。此浏览器此后只显示大屏，不会退出登录；每步操作都要值班人员的用户名和密码。",
            "Enter the administrator's one-time code. This browser then shows the wall alone and never logs "
            "off; each step there asks for an officer's name and password.",
        ),
        "screen_code": ("一次性代码", "One-time code"),
        "enrol": ("登记", "Enrol"),
        "add_screen": ("登记一块大屏", "Enrol a wall screen"),
        "add_screen_hint": (
            "大屏只看不动，会话不过期，绑定其网络地址。同名再次登记，原浏览器立即失效。在大屏上打开 {address}。",
            "A screen only shows; its session has no end and is bound to its network address. Enrolling a name again "
            "ends its former browser. Open {address} on the screen.",
        ),
        "screen_name": ("大屏名称（如 wall-1）", "Name (e.g. wall-1)"),
        "screen_place": ("位置", "Where it hangs"),
        "screen_code_is": (
            "大屏 {name} 的一次性代码，15 分钟内在 {address} 输入，只显示这一次",
            "One-time code of the screen {name}: enter it at {address} within 15 minutes; it is shown this once",
        ),
        # users
        "add_user": ("新建用户", "New user"),
        "user_name": ("用户名", "User name"),
        "display_name": ("姓名", "Name shown"),
        "role": ("角色", "Role"),
        "state": ("状态", "State"),
        "active": ("可登录", "active"),
        "without_password": ("未设密码", "no password"),
        "from_provider": ("统一认证", "from the identity provider"),
        "disabled": ("已停用 · {who} · {at}", "disabled · {who} · {at}"),
        "second_factor": ("两步验证", "Second factor"),
        "yes": ("有", "yes"),
        "no": ("无", "no"),
        "counts": ("登录 / 令牌", "Sessions / tokens"),
        "steps": ("操作", "Steps"),
        "edit": ("修改", "Edit"),
        "disable": ("停用", "Disable"),
        "enable": ("启用", "Enable"),
        "reset_password": ("重置密码", "Reset the password"),
        "revoke": ("吊销全部", "Revoke everything"),
        "show_sessions": ("登录与令牌", "Sessions, tokens"),
        "new_token": ("新令牌", "New token"),
        "token_label": ("用途", "What it is for"),
        "token_days": ("有效天数（留空：不过期）", "Days it lasts (empty: no end)"),
        "issue": ("签发", "Issue"),
        "sure_disable": (
            "停用 {name}？其登录、手机和令牌立即失效。",
            "Disable {name}? Sessions, phone and tokens end at once.",
        ),
        "sure_revoke": (
            "吊销 {name} 的全部登录、令牌和密码？之后需重新设置密码。",
            "Revoke all sessions, tokens and the password of {name}? A new password is needed afterwards.",
        ),
        "sure_role": (
            "更改角色会结束 {name} 的全部登录和令牌。继续？",
            "Another role ends all sessions and tokens of {name}. Go on?",
        ),
        "code_is": (
            "请把此链接交给 {name}，24 小时内用一次。只显示这一次。",
            "Give this link to {name}: it works once, within 24 hours. It is shown this once.",
        ),
        "token_is": ("{name} 的令牌。只显示这一次。", "The token of {name}. It is shown this once."),
        # setting a password by code
        "reset_hint": (
            "管理员给您的链接只能用一次。设置后，此账号的其他登录全部失效。",
            "The link an administrator gave you works once. All sessions of the account end when the password is set.",
        ),
        "code": ("一次性代码", "One-time code"),
        "set_password": ("设置密码", "Set the password"),
        "reset_done": ("{name} 的密码已设置，请登录。", "The password of {name} is set; please log in."),
        "log_in": ("去登录", "Log in"),
        # refusals
        "refused.too_short": ("密码太短：至少 12 个字符", "The password is too short: at least 12 characters"),
        "refused.too_long": ("密码太长：最多 1024 个字符", "The password is too long: at most 1024 characters"),
        "refused.too_common": (
            "这个密码容易被猜到：由常见单词、姓名、日期、连续数字或键盘顺序组成",
            "This password is easily guessed: common words, names, dates, runs of digits or keyboard patterns",
        ),
        "refused.factor": ("验证未通过，请重试", "This was not accepted; please try again"),
        "refused.wrong_password": ("当前密码不正确", "The present password is wrong"),
        "refused.code": (
            "此代码已使用或已过期，请向管理员索取新的",
            "This code has been used or has expired; ask an administrator for a new one",
        ),
        "refused.401": ("登录已失效，请重新登录", "Your session has ended; please log in again"),
        "refused.403": ("无权执行此操作", "You may not do this"),
        "refused.404": ("已不存在", "It no longer exists"),
        "refused.429": ("尝试次数过多，请 {n} 秒后再试", "Too many tries; please wait {n} s"),
        "refused.503": ("服务器繁忙，请稍后再试", "The server is busy; please try again"),
        "refused.network": ("连不上服务器，请检查网络后重试", "The server cannot be reached; check the network"),
    }
)


def account_words(language: Language) -> dict[str, str]:
    """Every text by its key, roles too."""
    column = LANGUAGES.index(language)
    return {key: texts[column] for key, texts in _TABLE.items()}
