"""Names of users and groups, by the metadata."""

from analyze.session import Session


def people(session: Session) -> tuple[dict[int, str], dict[int, str]]:
    """Names of users and of groups, by number; none if the captures are of several hosts."""
    if len(session.hosts) > 1:
        return {}, {}
    known = [source.metadata for source in session.sources]
    users = {number: name for one in known for number, name in one.users.items()}
    return users, {number: name for one in known for number, name in one.groups.items()}
