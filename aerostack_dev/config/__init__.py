"""The configuration: `aerostack.toml`, `.dev.vars`, cron expressions (interface §2, §8)."""
