import random
import zlib

import numpy as np
import pytest
import torch

import xaitutor


@pytest.fixture(scope="session")
def resnet():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    return model, preprocess


@pytest.fixture
def fingerprint():
    """Everything that a trace could be left in, to the bit."""
    def of(model):
        modules = [(name, module.training, sorted(vars(module)), getattr(module, "inplace", None),
                    sum(len(value) for key, value in vars(module).items() if "hooks" in key))
                   for name, module in model.named_modules()]
        parameters = [(name, p.requires_grad, None if p.grad is None else p.grad.clone().tolist())
                      for name, p in model.named_parameters()]
        state = [(name, value.data_ptr(), zlib.crc32(value.numpy())) for name, value in model.state_dict().items()]
        return modules, parameters, state
    return of


@pytest.fixture
def random_states():
    """The states of all random numbers that a run might touch, somewhere no seed of these tests leads to."""
    random.seed(12345), np.random.seed(12345), torch.manual_seed(12345)

    def now():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    return now
