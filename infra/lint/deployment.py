"""What is linted: the template, its documents, and its values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.cloudformation import Stack
from infra.intrinsics import include_documents
from infra.template_yaml import Document, load

_HTTP = "_http.yaml"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is linted.

    `path` is the template's, `template` has its documents included, as they are written; `documents` are those of its
    REST APIs, with their values; `http_documents` are those of the same APIs as HTTP APIs, by file name and as they are
    written, which stand beside the template and not in it; `files` is the text of each file.
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
        text, beside = template.read_text("utf-8"), sorted(template.parent.glob("openapi/*.yaml"))
        # An API's document as an HTTP API is called as it is, with this ending.
        documents = [path for path in beside if f"openapi/{path.name.replace(_HTTP, '.yaml')}" in text]
        files = {path.name: path.read_text("utf-8") for path in (template, *documents)}
        stack = Stack(template)
        included = include_documents(load(template), template.parent)
        http_documents = {path.name: load(path) for path in documents if path.name.endswith(_HTTP)}
        return cls(template, included, stack, stack.apis(), http_documents, files)

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
