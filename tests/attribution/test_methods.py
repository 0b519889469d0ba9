"""The table of methods says what the methods do: names, costs, and what depends on the class."""

import inspect
from datetime import date

import pytest

from tests.helpers import fingerprint
from xaitutor import attribution, load_model
from xaitutor.attribution import METHODS, heatmap, methods_table
from xaitutor.networks.images import load_image
from xaitutor.truth.given import counted_passes

SAMPLES = {  # the n of their costs, and options that make it this
    "smoothgrad": (3, {"samples": 3}), "integrated_gradients": (3, {"steps": 3}), "deep_shap": (3, {}), "rise": (9, {"samples": 9}),
    "occlusion": (10, {"window": 48, "stride": 40}), "meaningful_perturbation": (12, {"steps": 12}), "lime": (60, {"samples": 60}),
    "kernel_shap": (60, {"samples": 60})}


@pytest.fixture(scope="module")
def zebra():
    model, preprocess, categories = load_model("menagerie_resnet18")
    return model, preprocess(load_image("menagerie/zebra"))[None], categories.index("zebra")


def test_each_method_once_under_its_own_name():
    public = {name: getattr(attribution, name) for name in attribution.__all__}
    form = ["model", "x", "target"]
    methods = {name for name, each in public.items() if inspect.isfunction(each) and [*inspect.signature(each).parameters][:3] == form
               and inspect.signature(each).return_annotation == "Tensor"}
    assert methods == set(METHODS) and len(methods) > 9
    for name, method in METHODS.items():
        assert method.name == name and method.function is getattr(attribution, name)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_the_same_form(name):
    model, x, target, *options = inspect.signature(METHODS[name].function).parameters.values()
    assert (model.name, x.name, target.name, target.default) == ("model", "x", "target", None)
    assert all(option.kind in (option.KEYWORD_ONLY, option.VAR_KEYWORD) for option in options)


@pytest.mark.parametrize("name", METHODS)
def test_the_cost_is_what_is_counted(name, zebra):
    model, x, target = zebra
    method = METHODS[name]
    before = fingerprint(model)
    with counted_passes(model) as counts:
        samples, options = SAMPLES.get(name, (1, {}))
        found = method.function(model, x, target, **options)
    assert (counts.forward, counts.backward) == tuple({"n": samples, "2 n": 2 * samples}.get(n, n) for n in (method.forward, method.backward))
    assert isinstance(method.forward, str) == (name in SAMPLES)
    assert fingerprint(model) == before
    assert heatmap(found, method.reduce).max() == 1  # shown so, there is something to be seen


@pytest.mark.parametrize("name", METHODS)
def test_the_records_are_complete(name):
    method = METHODS[name]
    assert method.scope in ("local", "global") and method.access in ("specific", "agnostic")
    assert method.title and method.family and 1980 < method.paper.year <= date.today().year
    assert all((method.paper.authors, method.paper.title, method.paper.venue))
    assert f"{method.paper.year}" not in method.paper.venue


def test_the_table_has_a_row_for_each():
    header, line, *rows = methods_table().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in (header, line, *rows)]
    assert {len(row) for row in cells} == {8} and set(cells[1]) == {"---"}
    assert [row[0] for row in cells[2:]] == [method.title for method in METHODS.values()]
    *row, paper = cells[2 + list(METHODS).index("grad_cam")]
    assert row == ["Grad-CAM", "class activation maps", "local", "specific", "yes", "1", "0"]
    assert "Selvaraju" in paper and paper.endswith("ICCV 2017")
