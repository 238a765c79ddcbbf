"""The command `imgsel`: options in, tables and progress out, no logic."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.standard_streams import not_needed, open_closed
from converter.view.render_command import render
from converter.view.view_command import view

# Everything else is imported by the command that needs it: `--help` answers at once.
if TYPE_CHECKING:
    from converter.batch import Conversion, Result
    from converter.run.monitor import Listener, Monitor
    from converter.settings import Settings
    from converter.summary import Summary, Watch

_ERRORS, _WRONG_USAGE, _SIGNALLED, _INTERRUPTED = 1, 2, 128, 130


def main() -> None:
    """Run the command; a user's error is one line on standard error and exit status 2."""
    open_closed()
    try:
        status = _imgsel.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"imgsel: {error.format_message()}", err=True)
        sys.exit(_WRONG_USAGE)
    except click.Abort:
        click.echo("imgsel: interrupted", err=True)
        status = _INTERRUPTED
    if isinstance(status, int) and status > _SIGNALLED:
        # Python ends with another status if it was interrupted while it made a class, whoever caught that.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status if isinstance(status, int) else 0)


@click.group(name="imgsel", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="imgsel", prog_name="imgsel", message="%(prog)s %(version)s")
def _imgsel() -> None:
    """Turn DICOM annotation objects into FHIR ImagingSelection."""


_imgsel.add_command(render)
_imgsel.add_command(view)


def _settings_options(command: Any) -> Any:
    """Add the options that become Settings."""
    for option in reversed(
        (
            click.option(
                "--fhir",
                metavar="RELEASE",
                help="Release of FHIR: 6.0.0-ballot2 (R6, the default), 5.0.0 (R5), 6.0.0-ballot4 or 4.0.1 (R4).",
            ),
            click.option("--timezone", metavar="ZONE", help="Zone of times without one: +01:00 or Europe/Berlin."),
            click.option(
                "--patient-id-system",
                "patient_id_systems",
                multiple=True,
                metavar="[ISSUER=]URI",
                help="System of Patient IDs, of one Issuer of Patient ID or of those without. Repeatable.",
            ),
            click.option("--endpoint", metavar="URL", help="Root of the WADO-RS service that holds the instances."),
            click.option("--with-names", is_flag=True, default=None, help="Write patients' names and birth dates."),
            click.option(
                "--with",
                "with_",
                multiple=True,
                type=click.Choice(["context", "observations"]),
                help="Write more resources: what selections refer to, what is measured in them. Repeatable.",
            ),
            click.option("--project", is_flag=True, default=None, help="State contours on the images, too."),
            click.option("--outlines", is_flag=True, default=None, help="Outline segments; reads their pixel data."),
            click.option(
                "--outline-tolerance",
                type=click.FLOAT,
                metavar="PIXELS",
                help="How far from its outline a vertex that is left out may be.  [default: 0, no simplification]",
            ),
            click.option(
                "--regions", type=click.Choice(["as-stated", "2d", "3d"]), help="How to state regions, where possible."
            ),
            click.option(
                "--plane-tolerance",
                type=click.FLOAT,
                metavar="MM",
                help="How far off an image's plane a region on it may be.  [default: half a slice]",
            ),
            click.option("--select", type=click.Choice(["series"]), help="One selection per image series besides."),
            click.option(
                "--max-region-vertices",
                type=click.INT,
                metavar="N",
                help="Vertices in a resource before a group of annotations is divided.  [default: 100000]",
            ),
            click.option(
                "--settings",
                "settings_file",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="TOML file with these settings; options win over it.",
            ),
        )
    ):
        command = option(command)
    return command


@_imgsel.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", required=True, metavar="OUT", help="Folder to write to, or - for standard output.")
@_settings_options
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["ndjson", "bundle", "transaction", "files"]),
    default="ndjson",
    show_default=True,
    help="A file per type of resource, a Bundle per study (collection or transaction), or a file per resource.",
)
@click.option("--conditional", is_flag=True, help="Transactions create what is not there instead of putting it.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes to convert in.  [default: 1]")
@click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster to convert on: tcp://HOST:PORT.")
@click.option("--overwrite", is_flag=True, help="Convert all again where OUT was made with other options.")
@click.option(
    "--retry",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="REPORT",
    help="Convert again what has an error in this report.ndjson, and nothing else.",
)
@click.option("--log-json", is_flag=True, help="Events as JSON, one a line, on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no table.")
@click.option("-v", "--verbose", is_flag=True, help="Problems on standard error: of each kind the first ones.")
def convert(
    sources: tuple[str, ...],
    output: str,
    quiet: bool,
    verbose: bool,
    format_name: str,
    conditional: bool,
    jobs: int | None,
    dask: str | None,
    overwrite: bool,
    retry: Path | None,
    log_json: bool,
    **options: Any,
) -> int:
    """Convert the annotation objects in SOURCE... and write ImagingSelection.ndjson and report.ndjson.

    SOURCE is a file, a folder, an archive (ZIP, TAR), a DICOMDIR, or - for standard input. The exit status is 0
    without errors, 1 if an object or file has one (the rest is written all the same), 2 for wrong usage.
    The same command again goes on where it was interrupted, or brings OUT up to date with what changed in SOURCE.
    """
    if output == "-" and format_name != "ndjson":
        raise click.UsageError(f"--output - takes resources one a line: --format {format_name} needs a folder")
    if conditional and format_name != "transaction":
        raise click.UsageError("--conditional is for --format transaction")
    settings = _settings(**options)
    if output == "-":
        if jobs or dask or overwrite or retry or log_json:
            raise click.UsageError("--output - is one pass in one process: --jobs, --dask, --retry need a folder")
        return _convert_to_stream(sources, settings, quiet=quiet, verbose=verbose)
    if jobs and dask:
        raise click.UsageError("--jobs is for this machine, --dask for a cluster: give one of them")
    from converter.run.command import Command

    listeners = _listeners(log_json=log_json, quiet=quiet, verbose=verbose)
    command = Command(sources, output, settings, format_name, conditional, jobs or 1, dask, overwrite, retry)
    with listeners as listening:
        outcome = command.run(*listening)
    if outcome.error is not None:
        raise click.ClickException(outcome.error)
    if outcome.interrupted is not None:
        click.echo(f"imgsel: interrupted, {outcome.interrupted}", err=True)
        return _SIGNALLED + outcome.signal
    summary = outcome.summary
    if not quiet:
        with not_needed():
            _print_summary(summary, to_stderr=False)
            _print_run(outcome.monitor)
    return _ERRORS if summary.has_error else 0


def _convert_to_stream(sources: tuple[str, ...], settings: Settings, *, quiet: bool, verbose: bool) -> int:
    from converter import batch
    from converter.writer.ndjson import OutputClosedError

    if sys.stdout is None:
        raise click.UsageError("standard output is closed: name a folder to write to")
    with _progress(shown=not quiet) as watch:
        conversion = _conversion(sources, settings, watch)
        try:
            summary = batch.write_stream(conversion, sys.stdout.buffer, _print_problems if verbose else _ignore)
        except OutputClosedError:
            return 0
        except KeyboardInterrupt:
            _say_interrupted(conversion)
            return _INTERRUPTED
        except OSError as error:
            raise click.ClickException(f"cannot write: {error.strerror or 'check standard output'}") from error
        finally:
            conversion.close()
    if not quiet:
        _print_summary(summary, to_stderr=True)
    return _ERRORS if summary.has_error else 0


@_imgsel.command()
@click.argument("file", metavar="FILE")
@_settings_options
@click.option("--image", is_flag=True, help="Show the pictures, too: in the terminal if it can, else on a page.")
@click.option(
    "--dicom", type=click.Path(path_type=Path), metavar="FOLDER", help="The images.  [default: FILE's own folder]"
)
def inspect(file: str, image: bool, dicom: Path | None, **options: Any) -> int:
    """Show what FILE holds, its content tree, graphics or segments, and what each becomes."""
    from rich.console import Console

    from converter.describe import inspections

    settings = _settings(**options)
    console = Console(soft_wrap=False)
    with _conversion((file,), settings, None) as conversion:
        for shown in inspections(conversion, settings):
            console.print(shown)
    if image:
        _show_pictures(file, dicom, settings)
    return _ERRORS if conversion.summary.has_error else 0


def _show_pictures(file: str, dicom: Path | None, settings: Settings) -> None:
    from converter.view.render_command import NO_PILLOW, check_inputs, silence_dependencies

    silence_dependencies()
    try:
        from converter.view.inspect_image import show
    except ImportError as error:
        raise click.ClickException(NO_PILLOW) from error
    if file == "-":
        raise click.UsageError("--image reads FILE again: name it instead of -")
    check_inputs(dicom)
    with _conversion((file,), settings, None) as conversion:
        selections = [each.to_dict() for result in conversion for each in result.selections]
    for shown in show(selections, Path(file), dicom if dicom is not None else Path(file).absolute().parent):
        click.echo(shown, nl=False)


@_imgsel.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--fhir", metavar="RELEASE", help="Release of FHIR that the resources are of.  [default: told from them]")
@click.option("--dicom", type=click.Path(path_type=Path), metavar="FOLDER", help="The objects that are referred to.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def validate(path: Path, fhir: str | None, dicom: Path | None, quiet: bool) -> int:
    """Check the resources in PATH and print one line for each that has a problem.

    PATH is an NDJSON or JSON file, or a folder of them; the entries of Bundles are checked one by one. With --dicom
    also whether instances, frames, segments, items and channels that selections state are there, and regions inside
    of their images. The exit status is 0 without errors, 1 with errors, 2 for wrong usage.
    """
    from converter.validate import Validator

    try:
        validator = Validator(path, release=fhir, dicom=dicom)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    for checked in validator:
        if checked.problems:
            click.echo(checked.report_line())
    found = validator.found
    if not found.resources:
        raise click.UsageError(f"no resources in {path}")
    if not quiet:
        count = sum(found.problems.values())
        click.echo(f"{found.resources} resources of FHIR {found.release}, {count} problems", err=True)
    return _ERRORS if found.has_error else 0


def _settings(
    settings_file: Path | None, patient_id_systems: tuple[str, ...], with_: tuple[str, ...], **options: Any
) -> Settings:
    from converter.fhir import full_name
    from converter.settings import Settings, SettingsError

    stated: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    stated |= dict.fromkeys(with_, True)
    try:
        values = Settings.read_toml(settings_file) if settings_file is not None else {}
        if patient_id_systems:
            pairs = [each.rpartition("=")[::2] for each in patient_id_systems]
            stated["patient_id_systems"] = {**values.get("patient_id_systems", {}), **dict(pairs)}
        settings = Settings.from_mapping({**values, **stated})
        full_name(settings.fhir)
    except (SettingsError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    return settings


def _conversion(sources: tuple[str, ...], settings: Settings, watch: Watch | None) -> Conversion:
    from converter.batch import convert as start

    try:
        return start(sources, settings, watch=watch)
    except FileNotFoundError as error:
        raise click.UsageError(f"nothing is there: {error.filename}") from error
    except (OSError, ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error


def _ignore(_: Result) -> None:
    """Do nothing with a result."""


def _print_problems(result: Result) -> None:
    from converter.run.log import problem_line

    for each in result.problems:
        line = problem_line(
            severity=each.severity, file=result.file, code=each.code, message=each.message, path=each.path
        )
        click.echo(line, err=True)


def _say_interrupted(conversion: Conversion) -> None:
    done = conversion.summary
    count = sum(done.objects.values())
    of = f" of {done.total}" if done.total is not None else ""
    click.echo(
        f"imgsel: interrupted after {count}{of} objects, what was printed stands: run the same command again to"
        " convert all",
        err=True,
    )


@contextmanager
def _listeners(*, log_json: bool, quiet: bool, verbose: bool) -> Iterator[list[Listener]]:
    """Give what shows a run while it goes on."""
    with ExitStack() as stack:
        listeners: list[Listener] = []
        if log_json:
            from converter.run.log import log_json as write_event

            listeners.append(write_event)
        if verbose:
            from converter.run.log import ProblemPrinter

            listeners.append(stack.enter_context(ProblemPrinter()))
        if not quiet and not log_json and sys.stderr.isatty():
            from converter.tables import run_progress

            listeners.append(stack.enter_context(run_progress()))
        yield listeners


def _print_run(monitor: Monitor) -> None:
    from rich.console import Console

    from converter.tables import failure_table, run_line

    console = Console()
    if monitor.failures:
        console.print(failure_table(monitor.failures))
    console.print(run_line(monitor.values), highlight=False)


def _print_summary(summary: Summary, *, to_stderr: bool) -> None:
    from rich.console import Console

    from converter.tables import summary_tables

    console = Console(stderr=to_stderr)
    for table in summary_tables(summary):
        console.print(table)


def _progress(*, shown: bool) -> AbstractContextManager[Watch | None]:
    if not shown or not sys.stderr.isatty():
        return nullcontext()
    from converter.tables import progress

    return progress()


if __name__ == "__main__":
    main()
