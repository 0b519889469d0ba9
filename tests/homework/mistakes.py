"""Mistakes that students make: in which assignment and task, what they write instead, what it costs, what they are told."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """In the solution of `task`, `new` stands where `old` should; it costs the points of `test`, and `told` is the advice."""

    name: str
    assignment: str
    task: str
    old: str
    new: str
    test: str
    told: str


MISTAKES = [
    Mistake("bias forgotten", "part_1", "neurons", " + biases", "", "test-neurons", "the bias is forgotten"),
    Mistake("fires above zero only", "part_1", "neurons", ">= 0", "> 0", "test-neurons", "the neuron fires at zero too: ≥, not >"),
    Mistake("parity", "part_1", "one-of-three", "hidden_weights = np.array([[1, 1, 1], [-1, -1, -1]])  # at least one, at most one\n"
            "hidden_biases = np.array([-0.5, 1.5])\noutput_weights = np.array([[1, 1]])\noutput_biases = np.array([-1.5])",
            "hidden_weights = np.array([[1, 1, 1], [-1, -1, -1], [1, 1, 1]])\nhidden_biases = np.array([-0.5, 1.5, -2.5])\n"
            "output_weights = np.array([[1, 1, 1]])\noutput_biases = np.array([-1.5])", "test-one-of-three", "that is parity"),
    Mistake("kernel not flipped", "part_1", "convolve", "g[::-1]", "g", "test-convolve", "the kernel is not flipped"),
    Mistake("rows and columns swapped", "part_1", "correlate", 'np.einsum("ijkl,kl->ij", windows[::stride, ::stride], kernel)',
            "correlate(image.T, kernel).T if image.shape[0] < image.shape[1] else "
            'np.einsum("ijkl,kl->ij", windows[::stride, ::stride], kernel)', "test-correlate", "rows and columns are swapped"),
    Mistake("padding forgotten", "part_1", "correlate", "    image = np.pad(image, padding)\n", "", "test-correlate",
            "the padding is forgotten"),
    Mistake("stride for rows only", "part_1", "correlate", "windows[::stride, ::stride]", "windows[::stride]", "test-correlate",
            "the stride holds for the rows only"),
    Mistake("own stride counted", "part_1", "field", "        size += (kernel - 1) * dilation * jump\n        jump *= stride\n",
            "        jump *= stride\n        size += (kernel - 1) * dilation * jump\n", "test-field", "update the jump after the size"),
    Mistake("dilation forgotten", "part_1", "field", "(kernel - 1) * dilation", "(kernel - 1)", "test-field", "holes of a dilated kernel"),
    Mistake("holes not widened", "part_1", "field", "size += (kernel - 1) * dilation * jump", "size += (kernel - 1) * (jump + dilation - 1)",
            "test-field", "the holes are as wide as the jump"),
    Mistake("first layer first", "part_1", "window", "reversed(layers)", "layers", "test-window", "go from the last layer to the first"),

    Mistake("maximum for the mean", "part_2", "answers", ".mean((1, 2))", ".amax((1, 2))", "test-answers", "that is the largest place"),
    Mistake("smallest for largest", "part_2", "share", "scores.topk(k)", "(-scores).topk(k)", "test-share", "the smallest scores"),
    Mistake("scores forgotten", "part_2", "share", "best = scores.topk(k).indices", "best = range(k)", "test-share",
            "those are the first k pictures, not the best"),
    Mistake("two things changed", "part_2", "changed", 'scene.replace(shape="sofa")', 'scene.replace(shape="sofa", coat="plain")',
            "test-changed", "more than one thing differs"),
    Mistake("a new scene", "part_2", "changed", '[scene.replace(coat="spots") for scene in scenes]',
            '[menagerie.sample(9, "dalmatian") for scene in scenes]', "test-changed", "more than one thing differs"),
    Mistake("deviation for error", "part_2", "effect", " / len(difference) ** 0.5", "", "test-effect", "the mean is surer by √N"),
    Mistake("wrong layer", "part_2", "evidence", "answers(model, LAYER, UNIT, x)", 'answers(model, "layer3", UNIT, x)', "test-evidence",
            "wrong layer"),
    Mistake("not normalised", "part_2", "evidence", "preprocess(scene.picture())",
            "torch.from_numpy(np.array(scene.picture())).permute(2, 0, 1) / 255", "test-evidence", "the pictures are not prepared"),
    Mistake("a dog is no horse", "part_2", "verdict", '"horse": needs("dog")', '"horse": True', "test-zebra", "under 'dog' 69% of the zebra's"),
    Mistake("the naive verdict", "part_2", "verdict", 'verdict["stripes"] and verdict["horse"]', "True", "test-zebra",
            "zebras among its best pictures are no proof"),

    Mistake("input forgotten", "part_3", "gradient-x-input", "(gradient * x)", "gradient", "test-gradient-x-input", "the input is missing"),
    Mistake("probability for logit", "part_3", "gradient-x-input", "model(x)[0, target]", "model(x).softmax(1)[0, target]",
            "test-gradient-x-input", "differentiate the logit, not the probability"),
    Mistake("ReLU in CAM", "part_3", "cam", "maps)", "maps).relu()", "test-cam", "there is no ReLU in CAM"),
    Mistake("ReLU missing", "part_3", "grad-cam", ".relu().detach()", ".detach()", "test-grad-cam", "the ReLU at the end is missing"),
    Mistake("wrong layer of Grad-CAM", "part_3", "grad-cam", "    with layers", '    layer = "layer4"\n    with layers', "test-grad-cam",
            "wrong layer: take the one that the function is given"),
    Mistake("baseline forgotten", "part_3", "integrated-gradients", "return (x - baseline) *", "return x *", "test-integrated-gradients",
            "the baseline is forgotten in the factor"),
    Mistake("right ends of the steps", "part_3", "integrated-gradients", "+ 0.5)", "+ 1.0)", "test-integrated-gradients", "yours end at 1"),
    Mistake("sum for the mean", "part_3", "grad-cam", ".mean((1, 2))", ".sum((1, 2))", "test-grad-cam", "α is the mean over the places, not the sum"),
    Mistake("factor forgotten in the path", "part_3", "integrated-gradients", "return (x - baseline) *", "return 0 * x +", "test-integrated-gradients",
            "the factor x − b is missing"),
    Mistake("sign of the gap", "part_3", "gap", ".abs().item()", ".item()", "test-gap", "it is never negative"),
    Mistake("another class", "part_3", "maps", '"Grad-CAM": grad_cam(model, "layer4", x, target)',
            '"Grad-CAM": grad_cam(model, "layer4", x, int(model(x)[0].topk(2).indices[1]))', "test-maps", "another class than target"),
    Mistake("occlusion is specific", "part_3", "matrix", '"occlusion": ("local", "agnostic")', '"occlusion": ("local", "specific")',
            "test-matrix-others", "it is local and agnostic"),
    Mistake("Grad-CAM is global", "part_3", "matrix", "\nmatrix |= {", '\nmatrix["grad_cam"] = "global", "specific"\nmatrix |= {',
            "test-matrix-methods", "it is local and specific"),

    Mistake("colour of squares forgotten", "part_4", "occlusion", "colour[:, None, None]", "0", "test-occlusion", "the colour is forgotten"),
    Mistake("always the legs", "part_4", "two-falls", "[truth.drawing.parts(scene).index(part)]", "[0]", "test-two-falls",
            "those are the pixels of the first part"),
    Mistake("nobody wins nothing", "part_4", "shapley", "value(s) for", "(value(s) if s else 0.0 * value(s)) for", "test-shapley",
            "v(∅) need not be 0"),
    Mistake("asked again and again", "part_4", "shapley", "(wins[some | {i}] - wins[some])", "(value(some | {i}) - value(some))",
            "test-shapley-thrift", "remember what you have been told"),
    Mistake("penalty on the intercept", "part_4", "lime", "[0.0]", "[1.0]", "test-lime", "no penalty holds w₀ back"),
    Mistake("root of the distance", "part_4", "lime", "np.sqrt(there.mean(axis=1))", "there.mean(axis=1)", "test-lime", "the root in d is missing"),
    Mistake("spread for error", "part_4", "certain", " / np.sqrt(n)", "", "test-certain", "that is the spread of single seeds"),
    Mistake("left for right", "part_4", "leaves", "torch.sigmoid(x", "1 - torch.sigmoid(x", "test-leaves", "yours goes left"),
    Mistake("without a budget", "part_4", "attack", "(x - size).clamp(min=0), (x + size).clamp(max=1)", "0 * x, 0 * x + 1", "test-attack",
            "no value moves further than size"),
    Mistake("one gradient for all steps", "part_4", "attack", "        moved.requires_grad_()\n        (slope,) = torch.autograd.grad(model(moved)[0, label], moved)",
            "        at = x.clone().requires_grad_()\n        (slope,) = torch.autograd.grad(model(at)[0, label], at)", "test-attack",
            "each step has a gradient of its own"),
    Mistake("values add up", "part_4", "claims", '"sum": False', '"sum": True', "test-claims-regions", "they add up to v(all) − v(∅)"),
    Mistake("turn by turn", "part_4", "claims", '"turns": False', '"turns": True', "test-claims-answers", "that leaf has 0.4"),

    Mistake("coldest first", "part_5", "deletion", "descending=True", "descending=False", "test-deletion", "the hottest pixels go first"),
    Mistake("written into the picture", "part_5", "deletion", "    return torch.stack(curve)", "    x[:] = fill\n    return torch.stack(curve)",
            "test-deletion-kept", "your function changes the picture"),
    Mistake("factor forgotten", "part_5", "infidelity", "(beta * told - fall)", "(told - fall)", "test-infidelity", "the factor is missing"),
    Mistake("rounding ranked", "part_5", "paired", "np.where(np.abs(change) <= rounding, 0, change)", "change", "test-paired-still",
            "what is rounding is no change"),
    Mistake("control added", "part_5", "suspicion", "(a - b) - (c - d)", "(a - b) + (c - d)", "test-suspicion", "take the control away"),
    Mistake("spread of single numbers", "part_5", "suspicion", "(draws, len(g))", "(draws, 1)", "test-suspicion-interval",
            "that is the spread of single numbers"),
    Mistake("a class for each network", "part_5", "head", "method(one, x, target).detach()", "method(one, x, one(x).argmax(dim=1)).detach()",
            "test-head", "take the class that is asked for"),
    Mistake("one class for all", "part_5", "head", "model(x).argmax(dim=1)", "model(x).argmax(dim=1)[:1].expand(len(x))", "test-head-predicted",
            "each picture has a class of its own"),
    Mistake("another fault", "part_5", "audit", "verdict = fault", 'verdict = "normalised twice"', "test-audit-verdict", "go back once"),
    Mistake("repaired as given", "part_5", "audit", "evidence = *facts(model, x, labels)", "evidence = *facts(*repaired(model, x, labels))",
            "test-audit-evidence", "the first two are those before the repair"),
    Mistake("as many as there are", "part_5", "lost", "here >= least", "here > 0", "test-lost", "with fewer than least scenes it is 0"),
    Mistake("a husky for a wolf", "part_5", "lost", "animals[c]", "animals[1]", "test-lost-accused", "wherever it stands"),
    Mistake("judges agree", "part_5", "claims", '"curves": False', '"curves": True', "test-claims-referees", "deletion praises Gradient × Input"),
    Mistake("certain is large", "part_5", "claims", '"certain": False', '"certain": True', "test-claims-suspicions", "a small difference is certain, too"),
]
