"""Builds a plugin in Python into a WebAssembly component.

    python build.py --plugin DIR --wit FILE --out FILE

Run it with the Python of a virtual environment in which `requirements.txt` is installed. The plugin is imported natively
first, to find out which kinds of decision it takes and to say what is wrong with it in terms of the author's files; then
componentize-py imports it once more inside the interpreter that becomes the component.
"""

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType

SDK = Path(__file__).resolve().parent
sys.path.insert(0, str(SDK))
sys.dont_write_bytecode = True

from cadenza_sdk import DeclarationError, Plugin, purity  # noqa: E402

CLASSES = {"scorer": "Scorer", "nurturer": "Nurturer", "escalator": "Escalator"}
"""The kinds, as interfaces of the contract, and the classes of `cadenza_sdk.guest` that answer them."""

NOT_FOR_THE_GUEST = shutil.ignore_patterns(".*", "__pycache__", "venv", "node_modules", "golden", "*.wasm")
"""What may lie in an author's folder and would only make the build slow."""

APP = """\
# Generated: joins the author's `plugin.py` with the contract.
{standard}
from cadenza_sdk import guest

guest.prepare()
import plugin

guest.connect(plugin, plugin.{variable})
from cadenza_sdk.guest import {classes}
"""

WORLD = """\
package cadenza:guest;

world guest {{
  import cadenza:plugin/log@{version};
{exports}
}}
"""


class BuildError(Exception):
    """The plugin cannot be built, and why, for its author."""


def main() -> int:
    arguments = parse_arguments()
    try:
        build(arguments.plugin.resolve(), arguments.wit.resolve(), arguments.out.resolve())
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds a plugin in Python into a WebAssembly component.")
    parser.add_argument("--plugin", type=Path, required=True, metavar="DIR", help="folder in which plugin.py lies")
    parser.add_argument("--wit", type=Path, required=True, metavar="FILE", help="the contract, cadenza.wit")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the component to write")
    return parser.parse_args()


def build(folder: Path, wit: Path, out: Path) -> None:
    """Writes the component of the plugin in `folder`."""
    variable, plugin, standard = load(folder)
    kinds = [kind for kind in CLASSES if kind in plugin.kinds]
    with tempfile.TemporaryDirectory(prefix="cadenza-python-") as temporary:
        generated = Path(temporary)
        (generated / "app.py").write_text(app(variable, kinds, standard), encoding="utf-8")
        (generated / "guest.wit").write_text(world(wit, kinds), encoding="utf-8")
        shutil.copytree(folder, generated / "plugin", ignore=NOT_FOR_THE_GUEST)
        componentize(generated, wit, out)
    size = out.stat().st_size / 1e6
    print(f"{plugin.name} {plugin.version}: {' and '.join(kinds)}, {size:.1f} MB, {out}")


def load(folder: Path) -> tuple[str, Plugin, list[str]]:
    """The plugin that `plugin.py` makes, the name it has there, and the modules of the standard library it takes along."""
    if not (folder / "plugin.py").is_file():
        raise BuildError(f"there is no plugin.py in {folder}")
    sys.path.insert(0, str(folder))
    known = set(sys.modules)
    import_natively(folder)
    forget(folder)
    # Once more with guards: some of the standard library asks a clock when it is imported, which only the author must not.
    guards = purity.guard()
    try:
        module = import_natively(folder)
    finally:
        guards.remove()
    # Those that begin with `_` are how this Python is made; the guest's may be made otherwise.
    loaded = [name for name in sys.modules if name not in known and "._" not in f".{name}"]
    standard = [name for name in loaded if name.partition(".")[0] in sys.stdlib_module_names]
    made = {name: value for name, value in vars(module).items() if isinstance(value, Plugin)}
    if len(made) != 1:
        raise BuildError(f"plugin.py makes {len(made)} plugins; it has to make one: plugin = Plugin(name=…, …)")
    [(variable, plugin)] = made.items()
    if not plugin.kinds:
        decorators = "@plugin.scorer, @plugin.nurturer or @plugin.escalator"
        raise BuildError(f"plugin.py takes no decision: put {decorators} above a function")
    return variable, plugin, standard


def import_natively(folder: Path) -> ModuleType:
    try:
        return importlib.import_module("plugin")
    except BaseException as error:
        raise BuildError(spelt(error, folder)) from error


def forget(folder: Path) -> None:
    """Lets the author's modules be imported anew."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder):
            del sys.modules[name]


def spelt(error: BaseException, folder: Path) -> str:
    """What went wrong, with the innermost line of the author's it went wrong at."""
    if isinstance(error, DeclarationError) and re.match(r"[\w.]+\.py:\d+: ", str(error)):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{short(error.filename, folder)}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    what = f"{type(error).__name__}: {error}"
    return f"{short(frames[-1].filename, folder)}:{frames[-1].lineno}: {what}" if frames else f"plugin.py: {what}"


def short(file: str, folder: Path) -> str:
    path = Path(file)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file


def app(variable: str, kinds: list[str], standard: list[str]) -> str:
    """The module that componentize-py makes the component of.

    What the plugin needs of the standard library comes before the guards, because some of it asks a clock when it is
    imported. What the guest's Python does not have fails, if it matters, when the plugin imports it.
    """
    imports = "\n".join(f"try:\n    import {name}\nexcept ImportError:\n    pass" for name in standard)
    classes = ", ".join(["Describe", "Types", *(CLASSES[kind] for kind in kinds)])
    return APP.format(standard=imports, variable=variable, classes=classes)


def world(wit: Path, kinds: list[str]) -> str:
    """A world of exactly these kinds, of whatever 1.x version the contract is."""
    package = re.search(r"^package cadenza:plugin@([\d.]+);", wit.read_text(encoding="utf-8"), re.MULTILINE)
    if package is None:
        raise BuildError(f"{wit} is not the contract of plugins: it has no `package cadenza:plugin@…;`")
    version = package.group(1)
    exports = "\n".join(f"  export cadenza:plugin/{interface}@{version};" for interface in ["types", "describe", *kinds])
    return WORLD.format(version=version, exports=exports)


def componentize(generated: Path, wit: Path, out: Path) -> None:
    """Runs componentize-py, of the environment this runs in."""
    tool = Path(sys.executable).with_name("componentize-py")
    if not tool.is_file():
        raise BuildError(f"componentize-py is not installed beside {sys.executable}: pip install -r requirements.txt")
    paths = [argument for path in (generated, generated / "plugin", SDK) for argument in ("-p", str(path))]
    worlds = ["-d", str(wit), "-d", str(generated / "guest.wit"), "-w", "cadenza:guest/guest"]
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(tool), "-q", *worlds, "componentize", "--stub-wasi", *paths, "app", "-o", str(out)]
    quiet = os.environ | {"RUST_BACKTRACE": "0"}
    ran = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BuildError(spelt_in_guest(ran.stderr.strip() or ran.stdout.strip()))


def spelt_in_guest(said: str) -> str:
    """What went wrong when the guest's interpreter imported the plugin. The author's folder is the second of the paths."""
    places = re.findall(r'File "/1/(.+?)", line (\d+)', said)
    cause = re.search(r"^Caused by:\s+(.+)", said, re.MULTILINE)
    if not places or cause is None:
        return f"componentize-py could not build it:\n{said}"
    file, line = places[-1]
    return f"{file}:{line}: {cause.group(1)}"


if __name__ == "__main__":
    sys.exit(main())
