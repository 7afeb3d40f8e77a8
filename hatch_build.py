"""Compiles the proxy's pump, the one part that is not Python, for wheels and for development."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

FOLDER = Path("proxy")
MODULE = "waypoint_proxy.pump"


class Compile(BuildHookInterface[Any]):
    """The module ends up beside its source, where both kinds of build take it from."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that this wheel fits no other Python and no other processor."""
        source = FOLDER / f"{MODULE.replace('.', '/')}.pyx"
        work = Path(self.root, ".build", "pump")
        extension = Extension(MODULE, [str(source)], extra_compile_args=["-O2", "-g0", "-Wall"])
        distribution = Distribution(
            {"ext_modules": cythonize([extension], include_path=[str(FOLDER)], build_dir=str(work), quiet=True)}
        )
        command = build_ext(distribution)
        command.build_temp, command.build_lib = str(work), str(FOLDER)
        command.ensure_finalized()
        command.run()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
