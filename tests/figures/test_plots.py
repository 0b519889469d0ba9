import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from xaitutor.figures import plots


def figure_of_noise():
    return plots.image_grid(list(np.random.default_rng(0).random((4, 32, 32, 3))), columns=4)


def picture(bundle):
    return Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))


def test_a_bundle_is_a_png_and_its_text_and_closes_the_figure():
    figure = figure_of_noise()
    bundle = plots.bundle(figure, "noise")
    assert bundle["text/plain"] == "noise" and picture(bundle).format == "PNG"
    assert figure.number not in plt.get_fignums()


def test_a_shown_figure_has_its_text_twice(monkeypatch):
    """As the picture's own, which JupyterLab does not render, and to be unfolded below it."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    plots.show(figure_of_noise(), "dots <and> dots")
    (figure, options), (below, _) = shown
    assert picture(figure).format == "PNG" and options == {"raw": True, "metadata": {"image/png": {"alt": "dots <and> dots"}}}
    assert below == {"text/html": "<details><summary>In words</summary>dots &lt;and&gt; dots</details>", "text/plain": ""}


def test_fewer_colours_take_less_space_and_change_little():
    whole, few = (plots.bundle(figure_of_noise(), "noise", colours) for colours in (None, 256))
    assert len(few["image/png"]) < len(whole["image/png"]) / 2
    before, after = (np.asarray(picture(b).convert("RGB"), dtype=float) for b in (whole, few))
    assert len(np.unique(after.reshape(-1, 3), axis=0)) <= 256
    assert before.shape == after.shape and abs(before - after).mean() < 16


def test_a_figure_without_alternative_text_is_refused():
    with pytest.raises(ValueError, match="no alternative text"):
        plots.bundle(figure_of_noise(), " ")


def test_pictures_of_every_kind_become_arrays():
    values = torch.rand(3, 4, 5)
    wanted = values.permute(1, 2, 0).numpy()
    for image in (values, values[None], wanted):
        assert np.array_equal(plots.to_array(image), wanted)
    assert plots.to_array(values[:1]).shape == (4, 5)


def test_a_grid_has_a_place_for_each_picture_and_says_when_there_is_none():
    figure = plots.image_grid([np.zeros((4, 4))] * 5, range(5), columns=3)
    assert [axis.get_title() for axis in figure.axes] == ["0", "1", "2", "3", "4", ""]
    plt.close(figure)
    with pytest.raises(ValueError, match="no picture to show"):
        plots.image_grid([])


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_titles_of_several_lines_have_their_place(lines):
    title = "\n".join(["a line"] * lines)
    with plt.rc_context():
        plots.use_style()
        figure = plots.image_grid(list(np.zeros((4, 16, 16))), [title] * 4, columns=2)
        figure.canvas.draw()
    above, _, below, _ = figure.axes
    assert below.title.get_window_extent().y1 <= above.get_window_extent().y0 and above.title.get_window_extent().y1 <= figure.bbox.y1
    assert above.get_window_extent().height > 0.8 * figure.dpi * 1.45  # and the pictures theirs
    plt.close(figure)


@pytest.mark.parametrize("titles", [[], ["one"], range(3)])
def test_each_picture_of_a_grid_has_its_title(titles):
    with pytest.raises(ValueError, match=f"2 pictures and {len(titles)} titles"):
        plots.image_grid([np.zeros((4, 4))] * 2, titles)
