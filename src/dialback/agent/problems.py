"""What stops an agent before it runs: each is one sentence for the administrator of the host."""

from dialback.domain.errors import Problem


class AgentProblem(Problem):
    """The agent cannot do what it was told; the message is one sentence that says why and what to do."""


class JoinFailed(AgentProblem):
    """The host was not enrolled; its folder is as it was before."""


class IdentityProblem(AgentProblem):
    """The host is not enrolled, or its identity cannot be read."""
