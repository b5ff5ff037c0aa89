import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sample

from gapless.report import Content, render


@pytest.fixture(scope="session")
def content() -> Content:
    return sample.content()


@pytest.fixture(scope="session")
def page(content: Content) -> str:
    return render(content)
