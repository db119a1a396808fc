"""What MkDocs does for this site besides its own: diagrams without another host, and links to code that end in text.

MkDocs imports it by its path, in an environment without the project's packages.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

log = logging.getLogger(f"mkdocs.hooks.{__name__}")  # below `mkdocs`, so that a strict build counts its warnings

_FOLDER = Path(__file__).parent
_MERMAID = _FOLDER / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^():\s#]+)(#[^()\s]*)?\)")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^\s"'>]+|"""
    r"""<link\b[^>]*rel=["']?(?:stylesheet|preconnect|preload)\b[^>]*href=["']?(?:https?:)?//[^\s"'>]+"""
)


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add our style, and the script that draws diagrams: without one, the theme fetches its own from elsewhere."""
    files.append(File.generated(config, "assets/site.css", abs_src_path=str(_FOLDER / "site.css")))
    files.append(File.generated(config, "assets/mermaid.js", abs_src_path=str(_MERMAID)))
    return files


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: Files) -> str:  # noqa: ARG001
    """Leave of a link that leads out of docs/, to the code beside it, its text: the site has no code."""
    folder = posixpath.dirname(page.file.src_uri)

    def without_way_out(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(folder, link[2]))
        return link[1] if place.startswith("../") else link[0]

    return _LINK.sub(without_way_out, markdown)


def on_post_page(output: str, page: "Page", config: "MkDocsConfig") -> str:  # noqa: ARG001 - MkDocs gives them by name
    """Refuse a page that would load something from another host."""
    for loaded in _LOADED.findall(output):
        log.warning("%s loads something from elsewhere: %s", page.file.src_uri, loaded)
    return output
