"""The template's intrinsic functions, resolved as CloudFormation does."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.intrinsics import ResolutionError, Resolver, include_documents

VALUES = {"Name": "demo", "AWS::Region": "us-east-1", "Count": 3}
CONDITIONS = {
    "Yes": {"Fn::Equals": [{"Ref": "Name"}, "demo"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
    "Either": {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]},
}


def ref(name: str) -> Any:
    """Return what a name stands for."""
    if name not in VALUES:
        raise ResolutionError(name)
    return VALUES[name]


def resolver(folder: Path = Path()) -> Resolver:
    """Return a resolver over these values; an attribute is its own name."""
    return Resolver(ref, lambda resource, attribute: f"<{resource}.{attribute}>", CONDITIONS, folder)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"Ref": "Count"}, 3),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "<Table.Arn>"),
        ({"Fn::GetAtt": "Api.Nested.Attribute"}, "<Api.Nested.Attribute>"),
        ({"Fn::Sub": "${Name}-${Count} in ${AWS::Region}"}, "demo-3 in us-east-1"),
        ({"Fn::Sub": "${Table.Arn}, ${!Name}"}, "<Table.Arn>, ${Name}"),
        ({"Fn::Sub": ["${Own} ${Name}", {"Own": {"Ref": "Count"}}]}, "3 demo"),
        ({"Fn::Join": ["-", [{"Ref": "Name"}, {"Ref": "Count"}]]}, "demo-3"),
        ({"Fn::If": ["Yes", {"Ref": "Name"}, "else"]}, "demo"),
        ({"Fn::If": ["Both", "then", "else"]}, "else"),
        ({"Fn::If": ["Either", "then", "else"]}, "then"),
        ({"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "b": [{"Ref": "AWS::NoValue"}, 2]}, {"b": [2]}),
        ({"Ref": "Name", "beside": 1}, {"Ref": "Name", "beside": 1}),
    ],
)
def test_a_function_has_its_value(written: Any, value: Any) -> None:
    """Each function is replaced by its value, wherever it stands, and AWS::NoValue takes its place along."""
    assert resolver().resolve(written) == value


@pytest.mark.parametrize(
    "written",
    [
        {"Ref": "Unknown"},
        {"Fn::Sub": "${Unknown}"},
        {"Fn::Cidr": ["10.0.0.0/16", 1, 8]},
        {"Fn::If": ["Unknown", 1, 2]},
        {"Fn::Transform": {"Name": "AWS::LanguageExtensions"}},
    ],
)
def test_what_is_not_known_is_an_error(written: Any) -> None:
    """A name, a function or a transform that is not known is an error that names it, never a guess."""
    with pytest.raises(ResolutionError):
        resolver().resolve(written)


def test_an_unknown_condition_function_is_an_error() -> None:
    """A condition is made of condition functions alone."""
    with pytest.raises(ResolutionError, match="Fn::Join"):
        resolver().evaluate({"Fn::Join": ["", []]})


def test_an_included_document_is_resolved_in_place(tmp_path: Path) -> None:
    """AWS::Include puts a file's content in its place, and the functions in it are resolved too."""
    (tmp_path / "part.yaml").write_text("name: {Ref: Name}\n", "utf-8")
    written = {"Body": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "part.yaml"}}}}
    assert resolver(tmp_path).resolve(written) == {"Body": {"name": "demo"}}
    assert include_documents([written], tmp_path) == [{"Body": {"name": {"Ref": "Name"}}}]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_holds_no_function_stays_as_it_is(value: Any) -> None:
    """A value without intrinsic functions is its own value."""
    names = ("Ref", "Fn::")
    if not any(name in repr(value) for name in names):
        assert resolver().resolve(value) == value


@given(st.text())
def test_text_without_variables_is_itself(text: str) -> None:
    """Fn::Sub leaves a text without ${ as it is."""
    text = text.replace("${", "")
    assert resolver().resolve({"Fn::Sub": text}) == text
