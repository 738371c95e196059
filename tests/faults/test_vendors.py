"""Every fault of every vendor's answers on every page: an error or a complete load, never a short one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from data_layer.sources.calls import Patience
from models.errors import RetryableError
from tests.support.vendor_cases import FIRST, LAST, VENDORS, cases, run_case, vendor_source
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def stub():
    with serve(sample_market(end=str(LAST))) as running:
        yield running


@pytest.mark.parametrize("case", cases(), ids=lambda c: "-".join(map(str, c[:4])))
def test_never_a_short_load(stub, tmp_path, case):
    run_case(stub, tmp_path, case)


def test_there_are_enough_of_them():
    for vendor in VENDORS:
        for page in ("first", "middle", "last"):
            modes = {c[1] for c in cases() if (c[0], c[2]) == (vendor, page)}
            assert len(modes) >= 20, (vendor, page)


def test_with_the_patience_users_have_a_call_ends_within_a_quarter_of_a_minute(tmp_path):
    def one(case):
        vendor, mode = case
        with serve(sample_market()) as stub:
            source = vendor_source(vendor, stub, tmp_path, Patience(), symbols="MSFT")
            source.instruments()
            stub.fault = Fault(mode)
            began = time.monotonic()
            with pytest.raises(RetryableError):
                source.bars(None, FIRST, LAST)
            return time.monotonic() - began

    slow = [(vendor, mode) for vendor in VENDORS for mode in ("stall", "stall_body", "drip")]
    with ThreadPoolExecutor(len(slow)) as pool:
        assert max(pool.map(one, slow)) < 15
