"""What is linted: the template, its documents, and its values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.cloudformation import Stack
from infra.intrinsics import include_documents
from infra.template_yaml import Document, load


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is linted.

    `path` is the template's, `template` has its documents included, as they are written; `documents` are those of its
    REST APIs, with their values; `http_documents` describe the same as HTTP APIs, by file name and as they are written,
    and stand beside the template, not in it; `files` is the text of each file.
    """

    path: Path
    template: Document
    stack: Stack
    documents: dict[str, Document]
    http_documents: dict[str, Document]
    files: dict[str, str]

    @classmethod
    def read(cls, template: Path) -> "Deployment":
        """Read the template, and the documents beside it."""
        text = template.read_text("utf-8")
        included = [path for path in sorted(template.parent.glob("openapi/*.yaml")) if f"openapi/{path.name}" in text]
        beside = [
            path.with_stem(f"{path.stem}_http") for path in included if path.with_stem(f"{path.stem}_http").exists()
        ]
        files = {path.name: path.read_text("utf-8") for path in (template, *included, *beside)}
        stack = Stack(template)
        http_documents = {path.name: load(path) for path in beside}
        described = include_documents(load(template), template.parent)
        return cls(template, described, stack, stack.apis(), http_documents, files)

    def every_document(self) -> dict[str, Document]:
        """Return the documents of APIs of either kind, with their values."""
        return self.documents | {name: self.stack.resolve(document) for name, document in self.http_documents.items()}

    def of_type(self, kind: str) -> Iterator[tuple[str, Document]]:
        """Yield the logical id and the properties, as they are written, of every resource of a type."""
        for logical_id, resource in self.template["Resources"].items():
            if resource["Type"] == kind:
                yield logical_id, resource.get("Properties", {})


# A rule yields what it finds; its name and docstring say what it holds a deployment to.
Rule = Callable[[Deployment], Iterator[str]]
