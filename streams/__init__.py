"""How events flow: settings, apps, delivery, agents, policy and sinks."""
