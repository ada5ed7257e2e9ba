"""JSON in and out: everything that two readers could take for different things is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not JSON: expecting value at line 1, column 1"),
        (b'{"a":1,\n "b" 2}', "not JSON: expecting ':' delimiter at line 2, column 6"),
        (b'{"a":1,"a":1}', 'not JSON: key "a" stands twice in one object'),
        (b'{"x":[{"a":1,"b":2,"\\u0061":3}]}', 'not JSON: key "a" stands twice in one object'),
        (b"[NaN]", "not JSON: NaN is not JSON"),
        (b"[-Infinity]", "not JSON: -Infinity is not JSON"),
        (b"[1e400]", "not JSON: the number 1e400 is too large"),
        (b"[" + b"9" * 5000 + b"]", "holds a number of too many digits"),
        (b"\xef\xbb\xbf{}", "not JSON: it begins with a byte-order mark"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b'{"a":"\\ud800"}', "not Unicode: an escape stands for half a surrogate pair"),
        (b'{"\\uDFFF":1}', "not Unicode: an escape stands for half a surrogate pair"),
        (b"{} {}", "not JSON: extra data at line 1, column 4"),
        (b"{'a':1}", "not JSON: expecting property name enclosed in double quotes at line 1, column 2"),
        (b'{"a":1,}', None),
        (b"// x\n{}", "not JSON: expecting value at line 1, column 1"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_refused(data: bytes, problem: str | None) -> None:
    with pytest.raises(FormatError) as caught:
        jsondoc.loads(data, "it")
    assert caught.value.subject == "it"
    assert str(caught.value) == f"it: {caught.value.problem}"
    assert problem is None or caught.value.problem == problem


def test_what_is_taken() -> None:
    assert jsondoc.loads(b' {"\xc3\xa4":[1, 2.5,"\\ud83d\\ude00","\\\\ud800"]}\n') == {"ä": [1, 2.5, "😀", "\\ud800"]}
    assert jsondoc.loads("[1e3]") == [1000.0]


def test_an_object_is_wanted() -> None:
    assert jsondoc.load_object(b"{}") == {}
    for data in (b"[]", b'"x"', b"null", b"1"):
        with pytest.raises(FormatError, match="not a JSON object"):
            jsondoc.load_object(data)


@given(VALUES)
def test_what_is_dumped_loads_as_it_was(value: Any) -> None:
    data = jsondoc.dumps(value)
    assert b"\n" not in data
    assert jsondoc.loads(data) == value
    assert json.loads(data) == value
    assert jsondoc.dumps(jsondoc.loads(data)) == data


def test_the_canonical_form() -> None:
    assert jsondoc.dumps({"b": [1, "ä/<"], "a": None}) == '{"b":[1,"ä/<"],"a":null}'.encode()
    assert jsondoc.dumps({"b": 1, "a": {"d": 1, "c": 2}}, sort_keys=True) == b'{"a":{"c":2,"d":1},"b":1}'


def test_nothing_is_dumped_that_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsondoc.dumps(float("nan"))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        value = jsondoc.loads(data)
    except FormatError:
        return
    assert jsondoc.loads(jsondoc.dumps(value)) == value


@given(st.lists(VALUES, min_size=2, max_size=5), st.sampled_from([b"\n", b" ", b"\r\n\t "]))
def test_a_concatenation_is_split_at_its_borders(values: list[Any], between: bytes) -> None:
    texts = [json.dumps(value, indent=1).encode() for value in values]
    assert jsondoc.split(between + between.join(texts) + between) == texts


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", [b""]),
        (b' {"a":1}\n', [b' {"a":1}\n']),
        (b"{", [b"{"]),
        (b'{"a":1}{"a":1,"a":2}', [b'{"a":1}', b'{"a":1,"a":2}']),
        (b'{"a":1} {"b": nonsense', [b'{"a":1}', b'{"b": nonsense']),
    ],
)
def test_one_document_keeps_its_bytes(data: bytes, texts: list[bytes]) -> None:
    """So that its digest is that of the file."""
    assert jsondoc.split(data) == texts


def test_split_refuses_what_is_no_text() -> None:
    with pytest.raises(FormatError, match="x: not UTF-8 at byte 2"):
        jsondoc.split(b"{}\xff", "x")


def test_the_message_has_the_pointer() -> None:
    error = FormatError("thing", "is wrong", "/a/0")
    assert (str(error), error.pointer) == ("thing: /a/0: is wrong", "/a/0")


def test_the_same_without_the_c_parts() -> None:
    """All of the above once more, in a Python that lacks them."""
    if sys.modules["_json"] is None:
        assert jsondoc._scan is None
        return
    code = "import sys; sys.modules['_json'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    argv = [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_value_that_was_refused_leaves_no_trace() -> None:
    value: dict[str, object] = {"a": object()}
    with pytest.raises(TypeError):
        jsondoc.dumps(value)
    value["a"] = [1]
    assert jsondoc.dumps(value) == b'{"a":[1]}'
    value["a"] = value
    with pytest.raises(ValueError, match="ircular"):
        jsondoc.dumps(value)


@pytest.mark.parametrize("text", ["{", '{"a', "[1,", "{,}", '"', "nul", '{"a":1}}', "{'a':1}"])
def test_a_refusal_where_nobody_has_loaded_json(text: str) -> None:
    code = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        from oci_spec import jsondoc
        assert "json" not in sys.modules
        try:
            jsondoc.loads(sys.argv[2], "it")
        except jsondoc.FormatError as error:
            print(error)
    """
    place = os.path.dirname(os.path.dirname(jsondoc.__file__))
    argv = [sys.executable, "-IS", "-c", code, place, text]
    with pytest.raises(FormatError) as caught:
        jsondoc.loads(text, "it")
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{caught.value}\n"
