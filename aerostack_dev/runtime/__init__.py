"""The runtime: the author's function, its host, its consumers, its crons, its trace."""
