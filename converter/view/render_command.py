"""The command `imgsel render`: options in, PNG files out."""

from __future__ import annotations

from pathlib import Path

import click

NO_PILLOW = "pictures need Pillow and decoders: pip install 'imgsel[view]'"


def silence_dependencies() -> None:
    """Keep what decoders say of damaged images, which may hold anything, off standard error."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


@click.command("render")
@click.argument("path", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--dicom", type=click.Path(path_type=Path), metavar="FOLDER", help="The objects and images converted.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Folder to write to."
)
@click.option(
    "--scale", type=click.IntRange(1, 16), default=1, show_default=True, metavar="N", help="Pixels to a pixel."
)
@click.option("--selection", "wanted", multiple=True, metavar="ID", help="Only the selection with this id. Repeatable.")
@click.option(
    "--most", type=click.IntRange(1), default=64, show_default=True, metavar="N", help="Frames of one selection."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def render(
    path: Path, dicom: Path | None, output: Path, scale: int, wanted: tuple[str, ...], most: int, quiet: bool
) -> None:
    """Write the selections in OUT on their images, as PNG files, and pictures.ndjson, which says what each one is.

    OUT is what imgsel convert wrote, or any NDJSON or JSON file of ImagingSelections, or a folder of them. An image
    that is not there, or cannot be decoded, is a field of its size that says so, with the regions on it.
    """
    # Everything else is imported when it is needed: `--help` answers at once.
    try:
        from converter.view.picture_files import write_pictures
    except ImportError as error:
        raise click.ClickException(NO_PILLOW) from error

    silence_dependencies()
    check_inputs(path, dicom)
    if output.exists() and not output.is_dir():
        raise click.UsageError(f"--output is a file, not a folder: {output}")
    try:
        written = write_pictures(path, dicom, output, scale=scale, wanted=wanted, most=most)
    except OSError as error:
        raise click.ClickException(f"cannot write to {output}: {error.strerror or 'check the folder'}") from error
    if not written.selections:
        what = f"none of the selections asked for is in {path}" if wanted else f"no ImagingSelections in {path}"
        raise click.UsageError(what)
    if not quiet:
        click.echo(
            f"{written.pictures} pictures ({written.missing} without the image) and {written.sketches} sketches "
            f"of {written.selections} selections in {output}"
        )


def check_inputs(*paths: Path | None) -> None:
    """Raise UsageError for a path that is given and leads nowhere."""
    for each in paths:
        if each is not None and not each.exists():
            raise click.UsageError(f"nothing is there: {each}")
