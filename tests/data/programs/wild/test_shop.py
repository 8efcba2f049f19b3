"""Tests that run beside each other in processes of pytest-xdist."""

import pytest
import shop


@pytest.mark.parametrize("number", range(20))
def test_prices(number):
    assert shop.price(number) == number * 3
    assert shop.requests(2) == [0, 3]
