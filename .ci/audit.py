"""What pip-audit found: pip-audit --format json … | python audit.py PROJECT.

Refuses known vulnerabilities, and says how many packages were looked up: pip-audit itself says
"no known vulnerabilities" of packages that its service does not know. With CI_REQUIRE=audit, its
service must know all.
"""

import json
import os
import sys
from typing import Any


def vulnerabilities(report: dict[str, Any]) -> list[str]:
    """The vulnerable packages of a report, with the versions that are not."""
    return [
        f"{own['name']} {own['version']}: {hole['id']}, "
        f"fixed in {', '.join(hole['fix_versions']) or 'no version'}"
        for own in report["dependencies"]
        for hole in own.get("vulns", [])
    ]


def outcome(report: dict[str, Any] | None, project: str) -> tuple[str, bool, bool]:
    """What to say of a report, whether it has vulnerabilities, and whether it is complete."""
    if not report:
        return "not audited: the service of vulnerabilities did not answer", False, False
    others = [own for own in report["dependencies"] if own["name"] != project]
    unknown = [own["name"] for own in others if "skip_reason" in own]
    holes = vulnerabilities(report)
    number = sum(bool(own.get("vulns")) for own in others)
    first = f"{len(others) - len(unknown)} of {len(others)} packages audited"
    lines = [f"{first}, {number} with known vulnerabilities", *holes]
    if unknown:
        lines.append(f"not audited: {', '.join(unknown)}")
    return "\n  ".join(lines), bool(holes), not unknown


if __name__ == "__main__":
    text = sys.stdin.read()
    said, wrong, complete = outcome(json.loads(text) if text.strip() else None, sys.argv[1])
    print(said)
    required = "audit" in os.environ.get("CI_REQUIRE", "").split(",")
    sys.exit(wrong or (required and not complete))
