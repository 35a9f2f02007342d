"""The paper's own method: its network, trained on one camera's still series alone."""
