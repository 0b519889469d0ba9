"""The pages that README, the errata, docs/ and CITATION.cff already hold: nothing of them is typed twice."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tools.website import book

ROOT = Path(__file__).resolve().parents[2]
COPIED = {"docs/truth.md": "truth", "docs/rules.md": "rules", "docs/homework.md": "homework", "docs/classroom.md": "classroom",
          "ERRATA.md": "errata", "benchmarks/RESULTS.md": "benchmarks", "data/SOURCES.md": "sources", "CONTRIBUTING.md": "contributing"}
FROM_README = {  # page: its title, and the sections of README that it takes
    "run": ("Run it yourself", ("Start", "Is everything there?", "Look first", "Without internet")),
    "tools": ("Explain, score, audit", ("Explain a photo of your own", "Your own network, your own pictures", "Score a method of your own", "Audit an explanation where nobody knows the truth")),
    "instructors": ("For instructors", ("For instructors",)),
}


def write(folder: Path) -> None:
    """Write all of them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    for source, name in COPIED.items():
        (folder / f"{name}.md").write_text(linked(sortable((ROOT / source).read_text("utf-8"))), "utf-8")
    for name, (title, wanted) in FROM_README.items():
        (folder / f"{name}.md").write_text(linked(from_readme(readme, title, wanted)), "utf-8")
    (folder / "cite.md").write_text(cite(yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))), "utf-8")


def sections(text: str) -> dict[str, str]:
    """The sections of a Markdown text by their titles."""
    _, *pieces = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2]))


def from_readme(readme: str, title: str, wanted: tuple[str, ...]) -> str:
    """A page of some sections. Raises KeyError where README has no such section any more."""
    found = sections(readme)
    if wanted == (title,):
        return f"# {title}\n{found[title]}"
    return f"# {title}\n" + "".join(f"\n## {name}\n{found[name]}" for name in wanted)


def linked(text: str) -> str:
    """Links to files of the repository lead to the pages made of them; of a file that is no page the name stays."""
    def target(link: re.Match) -> str:
        words, address = link[1], link[2].partition("#")[0]
        address = f"docs/{address}" if f"docs/{address}" in COPIED else address.removeprefix("../")
        if "://" in address or not address:
            return link[0]
        if address.endswith(".ipynb") and (ROOT / address).parent == book.NOTEBOOKS:
            return f"[{words}]({Path(address).name})"
        return f"[{words}]({COPIED[address]}.md)" if address in COPIED else words
    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)", target, text)


def sortable(text: str) -> str:
    """Tables that the code writes into a page stand between comments; readers may sort and filter them."""
    return re.sub(r"<!-- (?!end)\w+ -->\n(.*?)<!-- end -->", r":::{container} sortable\n\1:::", text, flags=re.DOTALL)


def cite(citation: dict) -> str:
    """The page that says how to cite the course."""
    authors = " and ".join(f"{{{author['name']}}}" for author in citation["authors"])
    return f"""# Cite

{citation["message"]}

```bibtex
@software{{xaitutor,
  title   = {{{citation["title"]}}},
  author  = {{{authors}}},
  license = {{{citation["license"]}}},
}}
```

The methods are other people's: cite their papers, which [the page of the methods](methods.md) names. The code and the texts are under the
{citation["license"]} licence; where pictures and networks come from is in [the list of sources](sources.md).
"""
