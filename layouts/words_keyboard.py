"""Words of the list of shortcuts, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

KEYBOARD = MappingProxyType(
    {
        "shortcut.title": ("快捷键", "Keyboard shortcuts"),
        "shortcut.choose": ("选择下一条、上一条预警", "choose the next or the previous alert"),
        "shortcut.acknowledge": ("确认所选预警", "acknowledge the chosen alert"),
        "shortcut.dispatch": ("为所选预警派遣最近人员", "dispatch the nearest person to the chosen alert"),
        "shortcut.undo": (
            "撤销刚才的确认、误报或派遣",
            "take back what was just acknowledged, dismissed or dispatched",
        ),
        "shortcut.nobody": ("到无人接单的任务（Enter 指派）", "go to the task that nobody accepts (Enter: assign)"),
        "shortcut.next": ("移到下一处（Shift+Tab 返回）", "go on to the next place (Shift+Tab: back)"),
        "shortcut.press": ("按下焦点所在的按钮或预警", "press the button or the alert that has the focus"),
        "shortcut.rows": ("在表格中换行（← → 换列）", "go through the rows of a table (← → its columns)"),
        "shortcut.open": ("打开焦点所在的一行", "open the row that has the focus"),
        "shortcut.back": ("从所选事项回到表格", "go back from the chosen item to its table"),
        "shortcut.list": ("显示或关闭本列表", "show or close this list"),
        "shortcut.close": ("关闭本列表", "close this list"),
        "shortcut.done": ("关闭", "Close"),
        "duty.row_gone": (
            "原来那一行已离开列表，未执行任何操作；请用 ↑ ↓ 另选一行",
            "The row you were on has left the table and nothing was done: choose another with ↑ ↓",
        ),
        "duty.gone": (
            "所选事项已办结，未执行任何操作；请另选一行",
            "The chosen item is over and nothing was done: choose another row",
        ),
    }
)
