"""The command `imgsel view`: options in, the name of a page out."""

from __future__ import annotations

from pathlib import Path

import click

from converter.view.render_command import NO_PILLOW, check_inputs, silence_dependencies


@click.command("view")
@click.argument("path", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--dicom", type=click.Path(path_type=Path), metavar="FOLDER", help="The objects and images converted.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="page.html",
    show_default=True,
    metavar="PAGE",
    help="The page to write.",
)
@click.option(
    "--most", type=click.IntRange(1), default=64, show_default=True, metavar="N", help="Frames of one selection."
)
@click.option("--with-names", is_flag=True, help="Show patients' names, if the resources hold them.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def view(path: Path, dicom: Path | None, output: Path, most: int, with_names: bool, quiet: bool) -> None:
    """Show the selections in OUT on their images, in a page that opens from disk.

    OUT is what imgsel convert wrote, or any NDJSON or JSON file of ImagingSelections, or a folder of them. Without
    --dicom there are no images: regions are shown in the box of their coordinates. A large page keeps its images in a
    folder beside it, PAGE_files without the page's suffix.
    """
    # Everything else is imported when it is needed: `--help` answers at once.
    from converter.fhir.reading import is_selection
    from converter.resource_files import resources
    from converter.view.page import write_page
    from converter.view.pictures import Pictures
    from converter.view.source_items import source_items

    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise click.ClickException(NO_PILLOW) from error
    silence_dependencies()
    check_inputs(path, dicom)
    if output.is_dir():
        raise click.UsageError(f"--output: name the page, not its folder: {output / 'page.html'}")
    try:
        selections = [each for each in resources(path) if is_selection(each)]
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror or 'check the folder'}") from error
    if not selections:
        raise click.UsageError(f"no ImagingSelections in {path}")
    sources = {}
    if dicom is not None:
        sources = source_items(dicom, {str(each["id"]): each for each in selections if each.get("id")})
    try:
        with Pictures(selections, dicom, most=most) as pictures:
            page = write_page(output, selections, pictures, sources, with_names=with_names)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or 'check the folder'}") from error
    if not quiet:
        beside = f" and {page.folder}" if page.folder is not None else ""
        click.echo(f"{page.selections} selections in {page.path}{beside}: open it in a browser")
