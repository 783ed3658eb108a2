"""What axe-core finds on a page, by its rules for WCAG 2.2 A and AA and its good practice."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations
  .filter((one) => one.impact === "serious" || one.impact === "critical")
  .flatMap((one) => one.nodes.map((node) => `${one.impact} ${one.id}: ${node.target.join(" ")} `
    + `${node.html.slice(0, 120)} — ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? one.help}`)))"""


def serious(page: Page) -> list[str]:
    """Every element with a fault that axe-core calls serious or critical, with the rule and why."""
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(_AXE)  # through the debugger: a script element would be refused by our own policy
    found: list[str] = page.evaluate(_RUN)
    return found
