"""Texts of the banner that says why nothing can be stored."""

from __future__ import annotations

from types import MappingProxyType

STORE = MappingProxyType(
    {
        "store.waiting": ("数据库忙，正在等待写入", "The database is busy: writes wait"),
        "store.waiting.do": (
            "操作没有丢失，恢复后自动完成；若持续一分钟以上，请检查占用数据库的程序和磁盘速度",
            "Nothing is lost, it is done as soon as possible; after a minute see what holds the database",
        ),
        "store.full": ("磁盘已满：新的操作无法保存", "The disk is full: nothing new can be stored"),
        "store.full.do": (
            "已保存的不受影响；请立即清理磁盘，清理后自动恢复",
            "What was stored is safe; free space on the disk at once, then it goes on by itself",
        ),
        "store.low": ("磁盘将满", "The disk is nearly full"),
        "store.low.do": ("请清理磁盘，或迁移旧的取证图片", "Free space on it, or move old evidence elsewhere"),
        "store.failing": (
            "数据库无法写入：新的操作无法保存",
            "The database takes no writes: nothing new can be stored",
        ),
        "store.failing.do": (
            "已保存的不受影响；请检查数据库服务是否运行，恢复后自动继续",
            "What was stored is safe; see whether the database server runs, then it goes on by itself",
        ),
        "store.failed": ("磁盘读写错误，系统正在重新打开数据库", "The disk failed: the database is being opened again"),
        "store.failed.do": (
            "若反复出现，请更换磁盘，并从备份恢复",
            "If this comes again, replace the disk and restore the last backup",
        ),
        "store.since": ("自 {at}", "since {at}"),
        "store.free": ("剩余 {n} MiB", "{n} MiB left"),
    }
)
