"""One cache for all tests of this room, and none of what was measured before: each scene is drawn once."""

import pytest

from xaitutor.truth import cache, networks, scores, situations

SCENES = 3


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "FOLDER", tmp_path_factory.mktemp("truth"))
        yield cache.FOLDER


@pytest.fixture(scope="session")
def cast():
    return situations.situations(range(SCENES))


@pytest.fixture(scope="session")
def judged():
    """The network that the tests ask, and the one it is compared with."""
    robust = networks.network("menagerie_resnet18")
    return robust, networks.partner(robust)


@pytest.fixture(scope="session")
def true(own_cache, cast, judged):
    """The truth about the scenes for both networks; from here on it is known."""
    return scores.truths(judged, [], cast)
