"""How configuration is read: as Kedro does, and `--params` replaces single values whatever environment is chosen."""

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf


class ConfigLoader(OmegaConfigLoader):
    """Lets parameters of the command line replace single values, also of a block that `base` alone has.

    Kedro takes them for a part of the environment's parameters as soon as it has a file of such, and a block of those
    replaces base's as a whole: what else base says in it would be lost, without a word.
    """

    def _resolve_from_raw_config(
        self,
        key: str,
        base_configs: dict[Path, DictConfig],
        env_configs: dict[Path, DictConfig],
        *places: Any,
    ) -> dict[str, Any]:
        if key == "parameters" and env_configs and self.runtime_params:
            kept = {*self.runtime_params} - {name for config in env_configs.values() for name in config}
            blocks = {name: config[name] for config in base_configs.values() for name in config if name in kept}
            env_configs = {Path(): OmegaConf.create(blocks), **env_configs}
        return super()._resolve_from_raw_config(key, base_configs, env_configs, *places)
