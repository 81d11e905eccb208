"""Lint what is deployed, and the examples: `python -m infra.lint`. Exit status 1, and a line for each finding, if any.

cfn-lint reads a template twice, as it is written and as SAM translates it: each shows what the other hides. The rest
are rules of our own, for faults that no linter knows. None of it asks anything of AWS.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cfnlint.api  # type: ignore[import-untyped] # has no type information
from samtranslator.model.exceptions import InvalidDocumentException

from infra.cloudformation import TEMPLATE, TEMPLATES
from infra.lint.deployment import Deployment
from infra.lint.openapi_rules import OPENAPI_RULES
from infra.lint.template_rules import TEMPLATE_RULES
from infra.translation import load_template, translated_template

# The rules of our own are for what we deploy. An example shows what it is for, and has tests of its own.
EXAMPLES: Final = tuple(sorted(TEMPLATE.parent.glob("examples/*.yaml")))


def findings(*templates: Path) -> Iterator[str]:
    """Yield every fault of templates, by default all, and of what they include, as "rule: what and where"."""
    for template in templates or (*TEMPLATES, *EXAMPLES):
        yield from _written(template)
        if template not in EXAMPLES:
            yield from ruled(Deployment.read(template))
        yield from _translated(template)


def ruled(deployment: Deployment) -> Iterator[str]:
    """Yield what the rules of our own find."""
    for rule in (*OPENAPI_RULES, *TEMPLATE_RULES):
        yield from (f"{rule.__name__}: {finding} ({deployment.path.name})" for finding in rule(deployment))


def _written(template: Path) -> Iterator[str]:
    for match in cfnlint.api.lint_file(template):
        yield f"{match.rule.id}: {match.message} ({template.name}:{match.linenumber})"


def _translated(template: Path) -> Iterator[str]:
    try:
        translated = translated_template(load_template(template))
    except InvalidDocumentException as error:
        yield f"SAM: {error.message} ({template.name})"
        return
    # The checks that its metadata turn off concern the written template alone.
    translated.get("Metadata", {}).pop("cfn-lint", None)
    for match in cfnlint.api.lint(json.dumps(translated)):
        place = "/".join(map(str, match.path or []))
        yield f"{match.rule.id}: {match.message} ({template.name} translated, at {place})"
