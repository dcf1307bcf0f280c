"""The host's own policy: it decides last, whatever the server orders."""

from dialback.agent.settings import AgentSettings
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Target, parse_target


def may_dial(target_text: str, settings: AgentSettings) -> Target:
    """Return the target if the host's settings list it.

    Compared is what the texts mean, not how they are spelt; no name is resolved, so a name that stands for a
    listed address is another target.

    Raises:
        Refused: `AGENT_REFUSED`, with a sentence for the administrator.
    """
    try:
        target = parse_target(target_text)
    except ValueError as error:
        raise Refused(Reason.AGENT_REFUSED, str(error)) from error
    if target not in {parse_target(listed) for listed in settings.targets}:
        raise Refused(
            Reason.AGENT_REFUSED, f"{target} is not among the targets in the agent's settings on this host"
        )
    return target
