"""The template as CloudFormation gets it: the OpenAPI documents included, and SAM's own resources translated."""

import copy
from pathlib import Path
from typing import Any, Final

import boto3.session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.cloudformation import FUNCTION, PSEUDO_PARAMETERS, TEMPLATE
from infra.intrinsics import include_documents
from infra.template_yaml import Document, load

PACKAGED_CODE: Final = "s3://bucket/key"  # where `sam package` would have put the code


def load_template(path: Path = TEMPLATE) -> Document:
    """Return the template with the documents that it includes in their places."""
    template: Document = include_documents(load(path), path.parent)
    return template


def translated_template(template: Document | None = None) -> Document:
    """Return what SAM makes of a template (by default the project's); asks nothing of AWS.

    Raises samtranslator's `InvalidDocumentException` for a template that SAM refuses.
    """
    source = copy.deepcopy(template) if template is not None else load_template()
    for resource in source["Resources"].values():
        if resource["Type"] == FUNCTION and "InlineCode" not in resource["Properties"]:
            resource["Properties"]["CodeUri"] = PACKAGED_CODE
    # SAM looks for a Region, and takes the partition from it.
    session = boto3.session.Session(region_name=PSEUDO_PARAMETERS["AWS::Region"])
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=session)
    translated: Any = translator.translate(source, parameter_values={})
    document: Document = translated
    return document
