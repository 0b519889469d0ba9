import numpy as np

from xaitutor.truth import cache


def test_written_and_read(own_cache):
    name = cache.name_of("a", 1.5, (2, 3))
    assert cache.read("test", name) is None
    cache.write("test", name, table=np.arange(3), number=2.5)
    found = cache.read("test", name)
    assert found["table"].tolist() == [0, 1, 2] and found["number"] == 2.5
    assert [path.name for path in (own_cache / "test").iterdir()] == [f"{name}.npz"]
    assert name == cache.name_of("a", 1.5, (2, 3)) != cache.name_of("a", 1.5, (2, 4))


def test_code_covers_what_is_imported_and_no_comments(tmp_path, monkeypatch):
    def code(**sources):
        files = {name: tmp_path / f"{name}.py" for name in sources}
        for name, source in sources.items():
            files[name].write_text(source)
        monkeypatch.setattr(cache, "_source", lambda module: files.get(module.rpartition(".")[2]))
        cache.code.cache_clear()
        return cache.code("xaitutor.a")

    first = code(a='"""What a does."""\nfrom xaitutor import b\n', b="x = 1\n")
    assert first == code(a='"""Other words."""\n\nfrom xaitutor import b  # a comment\n', b="x = 1\n")
    assert first == code(a='"""What a does."""\nfrom xaitutor.elsewhere import c\n', c="x = 1\n")  # it has moved
    assert first != code(a='"""What a does."""\nfrom xaitutor import b\n', b="x = 2\n")
    assert first != code(a='"""What a does."""\nfrom xaitutor import b\ny = 1\n', b="x = 1\n")
    assert code(a="def f():\n    from xaitutor.b import x\n", b="x = 1\n") != code(a="def f():\n    from xaitutor.b import x\n", b="x = 2\n")
    cache.code.cache_clear()


def test_the_drawings_depend_on_the_renderer_and_on_no_method():
    found = {}
    cache._collect(["xaitutor.truth.coalitions"], found)
    names = set(found)
    assert {"xaitutor.menagerie.render", "xaitutor.menagerie.places", "xaitutor.truth.drawing", "xaitutor.networks.models"} <= names
    assert not any(name.startswith("xaitutor.attribution") for name in names)
    cache._collect(["xaitutor.attribution.class_activation"], found)
    assert {"xaitutor.attribution.last_maps", "xaitutor.attribution.inputs", "xaitutor.networks.layers"} <= set(found)
