"""Contracts in words: there is a sentence for everything that the specs can say, and it names what exists."""

from __future__ import annotations

import re

import pytest

from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel, Role
from kfuncgen.spec.telling import FILTERS, ROLES, SPECIALS, argument_in_words, in_words, lifetime
from kfuncgen.spec.words import FILTERS as FILTER_WORDS
from kfuncgen.spec.words import SPECIAL_EFFECTS

SPECS = load_builtin()


def test_every_word_of_the_specs_has_its_sentence() -> None:
    assert set(SPECIALS) == set(SPECIAL_EFFECTS)
    assert set(FILTERS) == set(FILTER_WORDS)
    assert set(ROLES) == set(Role)


@pytest.mark.parametrize("name", sorted(SPECS.functions))
def test_functions_that_are_named_exist(name: str) -> None:
    function = SPECS.functions[name]
    for kernel in (Kernel(6, 1), Kernel(6, 12), Kernel(6, 18), Kernel(7, 1)):
        contract = function.at(kernel)
        told = [*in_words(contract), *(argument_in_words(param, contract) for param in contract.params)]
        for sentence in told:
            assert sentence == sentence.strip() and not sentence.endswith(".")
            for mentioned in re.findall(r"`(\w+)\(\)`", sentence):
                assert mentioned in SPECS.functions, sentence


def test_a_contract_in_words() -> None:
    contract = SPECS.functions["bpf_xdp_get_xfrm_state"].at(Kernel(6, 18))
    assert list(in_words(contract)) == [
        "acquires a reference, which `bpf_xdp_xfrm_state_release()` releases",
        "may return NULL: test the result before it is used",
    ]
    region = SPECS.functions["bpf_preempt_disable"].at(Kernel(6, 18))
    (sentence,) = in_words(region)
    assert "`bpf_preempt_enable()`" in sentence


def test_memory_and_its_size_belong_together() -> None:
    contract = SPECS.functions["bpf_crypto_ctx_create"].at(Kernel(6, 18))
    words = {param.name: argument_in_words(param, contract) for param in contract.params}
    assert words["params"] == "memory of at least `params__sz` bytes"
    assert words["params__sz"].startswith("bytes of the argument before it")


def test_lifetime_tells_every_turn() -> None:
    assert lifetime(SPECS.functions["bpf_xdp_get_xfrm_state"]) == "since 6.8"
    assert lifetime(SPECS.functions["bpf_list_push_front"]) == "since 6.2, gone in 6.4, back in 7.1"
