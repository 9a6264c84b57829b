"""The shop on a Kubernetes cluster: deploying it, reaching it, running its operator's command."""
