"""vision: torchvision comes without torch's compiler, and both work as ever."""

import re
import subprocess
import sys
from pathlib import Path

import xaitutor

ROOMS = "adversarial, attribution, audit, checks, concepts, foundations, images, layers, maximization, menagerie, plots, referees, studio, surrogates, truth, widgets"


def run(code):
    """What a fresh Python prints. The compiler is imported by much of what tests import, so that this process knows it already."""
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout.split()


def test_a_kernel_that_explains_a_picture_has_no_compiler():
    assert run(f"""
import sys, torch, xaitutor
from xaitutor import {ROOMS}
model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
x = preprocess(images.load_image("menagerie/zebra"))[None]
attribution.grad_cam(model, x, 2), attribution.integrated_gradients(model, x, 2), attribution.occlusion(model, x, 2, window=64)
print(*(name for name in sys.modules if name.startswith("torch._dynamo") or name == "sympy"))
""") == []


def test_it_is_asked_when_there_is_a_question_and_compiles_afterwards():
    assert run("""
import sys, torch
from xaitutor.vision import COMPILER, compiler_put_off, torchvision
roi_align = sys.modules["torchvision.ops.roi_align"]
print("torch._dynamo" in sys.modules, roi_align.is_compile_supported("cpu"), "torch._dynamo" in sys.modules)
import torch._dynamo.utils as real
print(roi_align.is_compile_supported("meta") is real.is_compile_supported("meta"))
x = torch.ones(1, 1, 4, 4)
print(torchvision.ops.roi_align(x, [torch.tensor([[0.0, 0, 4, 4]])], 1).item(), torch.compile(lambda x: 2 * x, backend="eager")(x).sum().item())
with compiler_put_off():
    print(sys.modules[COMPILER] is real)  # what is there already stays
""") == ["False", "True", "True", "True", "1.0", "32.0", "True"]


def test_whatever_else_a_later_torchvision_may_ask_for_is_the_compilers_own():
    assert run("""
import sys
from xaitutor.vision import COMPILER, compiler_put_off, torchvision as ours
import torchvision
with compiler_put_off():
    from torch._dynamo.utils import is_compile_supported, counters
import torch._dynamo.utils as real
print(ours is torchvision, real.counters is counters, sys.modules[COMPILER] is real, is_compile_supported("cpu"))
""") == ["True"] * 4


def test_the_package_imports_it_nowhere_else():
    package = Path(xaitutor.__file__).parent
    ours = [path for path in package.rglob("*.py") if re.search(r"^\s*(import|from) torchvision", path.read_text("utf-8"), re.MULTILINE)]
    assert ours == [package / "vision.py"]
