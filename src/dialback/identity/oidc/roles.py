"""What a provider's groups mean here: a role, and groups of the directory. Pure."""

from collections.abc import Collection

from dialback.domain.tenancy import Role
from dialback.identity.oidc.settings import GROUP_PREFIX, OidcSettings


def role_from(groups: Collection[str], settings: OidcSettings) -> Role | None:
    """Return the most powerful role that the groups give, the plain user's if they give none.

    Returns:
        None if the settings give no group a role: then the provider has no say, and the role that the
        directory holds stands.
    """
    given = {group: target for group, target in settings.group_roles.items() if target in list(Role)}
    if not given:
        return None
    held = {Role.USER, *(Role(target) for group, target in given.items() if group in groups)}
    return next(role for role in Role if role in held)


def directory_groups_from(groups: Collection[str], settings: OidcSettings) -> frozenset[str]:
    """Return the names of the directory's groups that the groups make somebody a member of."""
    return frozenset(
        target.removeprefix(GROUP_PREFIX)
        for group, target in settings.group_roles.items()
        if target.startswith(GROUP_PREFIX) and group in groups
    )


def managed_groups(settings: OidcSettings) -> frozenset[str]:
    """Return the names of the directory's groups whose members the provider decides, and no other's."""
    return directory_groups_from(settings.group_roles.keys(), settings)
