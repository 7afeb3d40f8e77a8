from functional.agent.fixtures import agent, host

__all__ = ["agent", "host"]
