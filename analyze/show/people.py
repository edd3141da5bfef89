"""Names of users and groups, by the metadata."""

import json

from analyze.session import Session


def people(session: Session) -> tuple[dict[int, str], dict[int, str]]:
    """Names of users and of groups, by number; none if the captures are of several hosts."""
    if len(session.hosts) > 1:
        return {}, {}
    return _by_number(session, "users"), _by_number(session, "groups")


def _by_number(session: Session, key: str) -> dict[int, str]:
    pairs = [json.loads(source.metadata.pairs.get(key, "{}")) for source in session.sources]
    return {int(number): name for pair in pairs for number, name in pair.items()}
